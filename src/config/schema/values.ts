import { isIP } from 'node:net';
import * as z from 'zod';
import { ADDRESS, readAddress } from '../../net/address.ts';
import { isRange } from '../../net/data-options.ts';
import type { PortRange } from '../../net/data-port.ts';
import type { ListenPlace } from '../../net/dial.ts';
import { PASSED } from '../../net/passed-descriptor.ts';
import { isNetwork } from '../../net/proxy-preamble.ts';

/*
 * Values that several sections have. What one may be is said twice: as a pattern, for editors, and as `form`, in words,
 * for mistakes: "it must be …".
 */

const TIME_FORM = 'a time such as 200ms, 30s, 5m or 1h';

/** A time from a millisecond to 24 days; read as milliseconds. */
export function duration() {
  return time().transform(milliseconds).meta({ form: TIME_FORM });
}

/** The same, or 0 for ever. */
export function durationOrNever() {
  return z
    .union([z.literal(0), time()])
    .transform((given, context) => (given === 0 ? 0 : milliseconds(given, context)))
    .meta({ form: `${TIME_FORM}, or 0 for ever` });
}

function time() {
  return z.string().regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h)$/);
}

function milliseconds(text: string, context: z.RefinementCtx): number {
  const [, digits, unit = ''] = /^([\d.]+)(\D+)$/.exec(text) ?? [];
  const length = Math.round(Number(digits) * (UNITS[unit] ?? Number.NaN));
  if (length >= 1 && length <= LONGEST) return length;
  context.addIssue({ code: 'custom', message: `${TIME_FORM}, from 1ms to 596h` });
  return z.NEVER;
}

/** Node's timers take no more. */
const LONGEST = 596 * 3_600_000;
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A time as a configuration has it, in its largest unit without a fraction. */
export function durationText(milliseconds: number): string {
  const fitting = Object.entries(UNITS).filter(([, length]) => milliseconds % length === 0);
  const [unit, length] = fitting.at(-1) ?? ['ms', 1];
  return `${milliseconds / length}${unit}`;
}

export function count() {
  return z.int().min(0).max(1_000_000_000);
}

const RANGE_FORM = 'two ports from 1024 to 65535, such as 50000-50100';

/** Ports, both ends included. */
export function portRange() {
  return z
    .string()
    .regex(/^\d{4,5}-\d{4,5}$/)
    .transform((text, context): PortRange => {
      const [from = 0, to = 0] = text.split('-').map(Number);
      if (isRange({ from, to })) return { from, to };
      context.addIssue({ code: 'custom', message: RANGE_FORM });
      return z.NEVER;
    })
    .meta({ form: RANGE_FORM });
}

export function ipv4() {
  const form = 'an IPv4 address';
  return z
    .string()
    .refine(text => isIP(text) === 4, form)
    .meta({ form });
}

/** The name of a file with `what` in it, seen from the folder of the configuration. */
export function fileName(what: string) {
  return z
    .string()
    .min(1)
    .meta({ form: `the name of a file with ${what}` });
}

/** Something that nobody should see: from the environment, or the first line of a file. */
export function secret() {
  return z
    .union([z.string().min(1), z.strictObject({ file: fileName('the secret in its first line') })])
    .meta({
      form: `'\${NAME}', which is a variable of the environment, or { file: PATH }, whose first line counts`,
      writeOnly: true,
    });
}

export type Secret = z.output<ReturnType<typeof secret>>;

/** A name as it stands in greetings. */
export function hostName() {
  return z
    .string()
    .regex(/^[\x21-\x7e]+$/)
    .meta({ form: 'a name in printable ASCII without blanks' });
}

/** Whose connections are meant. */
export function networkText() {
  const form = 'an address, a network such as 192.0.2.0/24, or unix:';
  return z.string().refine(isNetwork, form).meta({ form });
}

const ADDRESS_FORM = "host:port, '[IPv6]:port' or unix:/path";

/** An address to listen on; port 0 lets the system choose. */
export function listenAddress() {
  return address(0);
}

/** An address to listen on, or a socket that was passed. */
export function listenPlace() {
  const form = "host:port, '[IPv6]:port', unix:/path, systemd:NAME or fd:NUMBER";
  const passed = z
    .string()
    .regex(PASSED)
    .transform((text): ListenPlace => ({ passed: text }));
  return z.union([passed, listenAddress()]).meta({ form });
}

/** An address to dial. */
export function dialAddress() {
  return address(1);
}

function address(leastPort: number) {
  return z
    .string()
    .regex(ADDRESS)
    .transform((text, context) => {
      const target = readAddress(text);
      if (target !== undefined && ('path' in target || target.port >= leastPort)) return target;
      context.addIssue({
        code: 'custom',
        message: `${ADDRESS_FORM}, with a port from ${leastPort} to 65535`,
      });
      return z.NEVER;
    })
    .meta({ form: ADDRESS_FORM });
}

/** One of something, or a list of at least one. */
export function oneOrMore<T extends z.ZodType>(one: T) {
  return z.union([one, z.array(one).min(1)]);
}

export function listOf<T>(given: T | readonly T[]): readonly T[] {
  return Array.isArray(given) ? given : [given as T]; // TypeScript does not narrow readonly arrays
}
