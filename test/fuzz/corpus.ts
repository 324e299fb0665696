import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { ROOT } from '../support/root.ts';
import type { StageOptions } from '../support/stage.ts';
import { type Input, readInput, writeInput } from './input.ts';
import type { Role } from './play.ts';

/** What happens, and where. */
export interface Case {
  readonly setting: Setting;
  readonly input: Input;
}

/** What of the world differs from the default: a few words, in the order of `SETTINGS`. */
export type Setting = readonly (keyof typeof SETTINGS)[];

export const SETTINGS = {
  optional: { policy: 'optional' },
  application: { application: true },
  implicit: { takesImplicit: true },
  unavailable: { available: () => false },
  discard: { plaintextAfterUpgrade: 'discard' },
  capabilities: { capabilities: ['PIPELINING', 'AUTH PLAIN', 'SASL-IR', 'XYZZY'] },
} as const satisfies Record<string, StageOptions>;

export function optionsOf(setting: Setting): StageOptions {
  return Object.assign({}, ...setting.map(word => SETTINGS[word])) as StageOptions; // of those parts
}

/** The kept cases of one role of a protocol: each was the first to show something new. */
export function readCorpus(protocol: Protocol, role: Role): Case[] {
  const file = fileOf(protocol, role);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split(/^# ?/m)
    .slice(1)
    .map(text => {
      const [, setting = '', input = ''] = /^(.*)\n([\s\S]*)$/.exec(text) ?? [];
      return { setting: setting.split(' ').filter(isSetting), input: readInput(input) };
    });
}

export function writeCorpus(protocol: Protocol, role: Role, cases: readonly Case[]): void {
  const text = cases.map(
    ({ setting, input }) => `${`# ${setting.join(' ')}`.trimEnd()}\n${writeInput(input)}`,
  );
  writeFileSync(fileOf(protocol, role), text.join('\n'));
}

function fileOf({ name }: Protocol, role: Role): string {
  return join(ROOT, `test/fuzz/corpus/${name}-${role}.txt`);
}

function isSetting(word: string): word is keyof typeof SETTINGS {
  return word in SETTINGS;
}
