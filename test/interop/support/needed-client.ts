import { spawnSync } from 'node:child_process';
import type { Context } from 'mocha';

/** A `describe` for a client that may not be installed: then it is skipped aloud or, in CI, fails. */
export function describeClient(client: string, tests: () => void, probe?: readonly string[]): void {
  describe(client, () => {
    before(function () {
      if (!isInstalled(client, probe)) missing(this, client);
    });
    tests();
  });
}

function missing(context: Context, client: string): void {
  const reason = `${client} is missing; see test/interop/install.sh`;
  if (process.env['CI']) throw new Error(reason);
  console.log(`      skipped: ${reason}`);
  context.skip();
}

/** `probe` is a command that ends with 0 where the client can do what its tests need. */
function isInstalled(client: string, probe: readonly string[] = ['which', client]): boolean {
  const [command = '', ...args] = probe;
  return spawnSync(command, args, { stdio: 'ignore', timeout: 10_000 }).status === 0;
}
