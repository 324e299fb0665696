import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { protocols } from '../../protocol/index.ts';
import { ROOT } from '../support/root.ts';

/** Tests, as mocha is told of them. */
export interface Tests {
  readonly spec: readonly string[];
  /** Of their titles; all if it is missing. */
  readonly grep?: string;
}

/** The folders whose modules are measured. */
export const FOLDERS = ['src/wire', 'src/dialogue', 'protocol', 'src/net'] as const;

/** What holds for every dialogue, in the order of what it costs. */
const DIALOGUES = [
  'test/transcripts.test.ts',
  'test/lying-servers.test.ts',
  'test/every-proxy.test.ts',
  'test/every-protocol.test.ts',
];

/** What measures time fails by itself where the machine is busy. */
const BY_THE_CLOCK = 'linear time';

/** Who tells about the modules without a test of their own name, or with one that is not about all of it. */
const TELLERS: Readonly<Record<string, readonly string[]>> = {
  'wire/cipher-suites': ['wire/client-hello', 'wire/server-flight'],
  'wire/client-offer': ['wire/client-hello'],
  'wire/crc32c': ['wire/proxy-header'],
  'wire/ip-address': ['wire/proxy-header'],
};

/** Every module of the four folders, or those that are asked for: files, or folders. */
export function modulesOf(asked: readonly string[]): readonly string[] {
  return FOLDERS.flatMap(folder =>
    readdirSync(join(ROOT, folder))
      .filter(name => name.endsWith('.ts'))
      .map(name => `${folder}/${name}`),
  ).filter(file => asked.length === 0 || asked.includes(file) || asked.includes(dirname(file)));
}

/**
 * The tests of a module alone: the one that is named after it and, for a part of a protocol, that protocol's
 * transcripts. `undefined` if nothing is its own.
 */
export function ownTests(file: string): Tests | undefined {
  const named = `test/${file.replace(/^src\//, '').replace(/\.ts$/, '.test.ts')}`;
  const spec = existsSync(join(ROOT, named)) ? [named] : [];
  if (dirname(file) !== 'protocol') return spec.length === 0 ? undefined : { spec };
  const title = titleOf(file);
  return {
    spec: [...testsOf(file), 'test/transcripts.test.ts'],
    ...(title === undefined ? {} : { grep: `/${title}/i` }),
  };
}

/** The tests that a module's mutants are tried with, the quick ones first. */
export function tellingTests(file: string): Tests {
  switch (dirname(file)) {
    case 'src/dialogue':
      return {
        spec: ['test/dialogue/*.test.ts', 'test/protocol/*.test.ts', ...DIALOGUES],
        grep: `/^(?!every)|^every pro\\w+:? .*\\b(imap|ldap)\\b(?!.*${BY_THE_CLOCK})/`,
      };
    case 'protocol': {
      const title = titleOf(file) ?? '';
      return { spec: ['test/protocol/*.test.ts', ...DIALOGUES], grep: `/^(?!.*${BY_THE_CLOCK}).*${title}/i` };
    }
    default: {
      const named = TELLERS[file.replace(/^src\//, '').replace(/\.ts$/, '')];
      if (named === undefined)
        return ownTests(file) ?? { spec: ['test/net/{driver,relay,listener,upgrade}.test.ts'] };
      return { spec: [...(ownTests(file)?.spec ?? []), ...named.map(name => `test/${name}.test.ts`)] };
    }
  }
}

/** The tests below `test/protocol/` whose names begin with the protocol's. */
function testsOf(file: string): readonly string[] {
  const protocol = protocolOf(file);
  return readdirSync(join(ROOT, 'test/protocol'))
    .filter(name => name === `${protocol}.test.ts` || name.startsWith(`${protocol}-`))
    .map(name => `test/protocol/${name}`);
}

/** What the titles of a protocol's tests hold, which those of its dialects do as well. */
function titleOf(file: string): string | undefined {
  const protocol = protocolOf(file);
  if (!protocols.some(({ name }) => name === protocol)) return undefined;
  return `\\b${protocol === 'smtp' || protocol === 'lmtp' ? '[ls]mtp' : protocol}\\b`;
}

/** `protocol/ftp-session.ts` is a part of ftp. */
function protocolOf(file: string): string {
  return basename(file, '.ts').split('-')[0] ?? '';
}
