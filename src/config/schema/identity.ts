import * as z from 'zod';

/** Whom the process goes on as. */
export function identityKeys() {
  return {
    user: name()
      .exactOptional()
      .describe('The user as whom the process goes on when all listen, where it was started as root.'),
    group: name().exactOptional().describe("And the group. Without it that of the user's name."),
  };
}

function name() {
  return z
    .union([z.string().regex(/^[\w.-]{1,64}\$?$/), z.int().min(0).max(4_294_967_294)])
    .transform(String)
    .meta({ form: 'a name or a number' });
}
