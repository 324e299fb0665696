import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { ROOT } from './root.ts';
import { Stage, type StageOptions, TLS } from './stage.ts';

/**
 * A conversation in a file, which tests replay and the documentation quotes:
 *
 *     # What it shows
 *     # policy: optional            (options: policy, takes-implicit, application, available, capabilities,
 *                                    after-upgrade, bad-commands)
 *     S: 220 mail.example.org ESMTP ready
 *     C: EHLO client.example.org
 *     -- TLS --                     the handshake; at the very top: TLS from the first byte
 *     -- hand over --               to the application, with what is unread as `U:` lines
 *     -- closed --                  or `-- closed: ERR_… --`
 *
 * With `# role: proxy` there is an upstream, to which a hand-over leads:
 *
 *     -- dial --                    it is dialled, and answers
 *     -- dial, greeted --           the same, with TLS that was turned on in-band: its greeting is over
 *     U> EHLO client.example.org    said to the upstream
 *     U< 250 upstream               said by the upstream
 *     A: …                          behind a hand-over: what the upstream said and nobody read
 *     -- hang up --                 its connection is closed, before the upgrade
 *     -- upstream closes --, -- upstream unreachable --, -- upstream silent --
 *
 * A line ends in CRLF, unless it ends in `\`; `\xNN`, `\r`, `\n`, `\0`, `\t` stand for bytes.
 */
export interface Transcript {
  readonly file: string;
  readonly title: string;
  readonly options: StageOptions;
  readonly steps: readonly Step[];
}

interface Step {
  readonly kind: 'client' | 'server' | 'unread' | 'answer' | 'toUpstream' | 'fromUpstream' | 'mark';
  readonly text: string;
}

const FOLDER = join(ROOT, 'test/transcripts');

export function transcriptsOf(name: string): Transcript[] {
  const folder = join(FOLDER, name);
  return readdirSync(folder)
    .filter(file => file.endsWith('.txt'))
    .sort()
    .map(file => parseTranscript(`${name}/${file}`, readFileSync(join(folder, file), 'utf8')));
}

/** A transcript's text; `file` is for messages. */
export function parseTranscript(file: string, text: string): Transcript {
  const lines = text.split('\n').filter(line => line.trim() !== '');
  const comments = lines.filter(line => line.startsWith('#')).map(line => line.slice(1).trim());
  const settings = new Map(
    comments
      .map(comment =>
        /^(role|policy|takes-implicit|application|available|capabilities|after-upgrade|bad-commands): (.*)$/.exec(
          comment,
        ),
      )
      .filter(match => match !== null)
      .map(match => [match[1] ?? '', match[2] ?? ''] as const),
  );
  return {
    file,
    title: comments[0] ?? file,
    options: optionsOf(settings),
    steps: lines.filter(line => !line.startsWith('#')).map(line => stepOf(file, line)),
  };
}

function optionsOf(settings: ReadonlyMap<string, string>): StageOptions {
  const proxy = settings.get('role') === 'proxy';
  return {
    role: proxy ? 'proxy' : 'server',
    policy: settings.get('policy') === 'optional' ? 'optional' : 'required',
    takesImplicit: settings.get('takes-implicit') === 'yes',
    application: proxy || settings.get('application') === 'yes',
    available: () => settings.get('available') !== 'no',
    capabilities: settings.get('capabilities')?.split(', ') ?? [],
    plaintextAfterUpgrade: settings.get('after-upgrade') === 'discard' ? 'discard' : 'refuse',
    badCommands: Number(settings.get('bad-commands') ?? 10),
  };
}

function stepOf(file: string, line: string): Step {
  const mark = /^-- (.*) --$/.exec(line)?.[1];
  if (mark !== undefined) return { kind: 'mark', text: mark };
  const [, who = '', said] = /^([CSUA]:|U[<>])(?: (.*))?$/.exec(line) ?? [];
  const kind = KINDS[who];
  if (kind === undefined) throw new Error(`${file}: not a line of a transcript: ${line}`);
  return { kind, text: unescaped(said ?? '') };
}

const KINDS: Readonly<Record<string, Step['kind']>> = {
  'C:': 'client',
  'S:': 'server',
  'U:': 'unread',
  'A:': 'answer',
  'U>': 'toUpstream',
  'U<': 'fromUpstream',
};

/** The bytes that a line of a transcript stands for. */
export function unescaped(text: string): string {
  const whole = text.endsWith('\\') ? text.slice(0, -1) : `${text}\r\n`;
  return whole.replace(/\\(x[0-9a-f]{2}|[rn0t])/gi, (_, code: string) =>
    code.startsWith('x') ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : (ESCAPES[code] ?? ''),
  );
}

/** The other way round: how a transcript and a table write bytes that are no lines. */
export function escaped(bytes: string): string {
  const text = bytes.replace(/[^\x20-\x7e]|[\\|`]|^ | $/g, byte => {
    return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
  return `${text}\\`;
}

const ESCAPES: Readonly<Record<string, string>> = { r: '\r', n: '\n', 0: '\0', t: '\t' };

/** Replays a transcript against the role that it is of, and holds every byte of it to the file. */
export function replay(protocol: Protocol, { steps, options }: Transcript): void {
  const stage = new Stage(protocol, options);
  const implicit = steps[0]?.kind === 'mark' && steps[0].text === 'TLS';
  stage.start(implicit ? TLS : undefined);
  for (const { kind, text, unread, answer } of grouped(steps.slice(implicit ? 1 : 0))) {
    if (kind === 'server') expect(stage.heard()).to.equal(text);
    else if (kind === 'toUpstream') expect(stage.forwarded()).to.equal(text);
    else {
      expectNothingMore(stage, `unexpected words before ${JSON.stringify(text)}`);
      if (kind === 'client') stage.say(text);
      else if (kind === 'fromUpstream') stage.answer(text);
      else replayMark(stage, text, { unread, answer });
    }
  }
  expectNothingMore(stage, 'at the end');
  const marked = (mark: RegExp) =>
    steps.filter(({ kind, text }) => kind === 'mark' && mark.test(text)).length;
  expect(stage.dials, 'dials').to.equal(marked(/^(dial|upstream unreachable)\b/));
  expect(stage.hangUps, 'times the upstream was hung up').to.equal(marked(/^hang up$/));
}

function expectNothingMore(stage: Stage, when: string): void {
  expect(stage.heard(), when).to.equal('');
  expect(stage.forwarded(), `${when}, to the upstream`).to.equal('');
}

type Rest = Readonly<Record<'unread' | 'answer', string>>;

function replayMark(stage: Stage, mark: string, rest: Rest): void {
  if (mark === 'TLS') {
    expect(stage.upgrade, 'the upgrade').to.not.equal(undefined);
    stage.secure();
  } else if (mark === 'hand over') {
    const { unread = Buffer.from('no hand-over'), answer = Buffer.alloc(0) } = stage.handOver ?? {};
    expect(Buffer.from(unread).toString('latin1')).to.equal(rest.unread);
    expect(Buffer.from(answer).toString('latin1')).to.equal(rest.answer);
  } else if (mark === 'dial' || mark === 'dial, greeted') {
    stage.connect({ greeted: mark !== 'dial' });
  } else if (mark === 'hang up') expect(stage.hangUps).to.be.greaterThan(0);
  else if (UPSTREAM_MARKS[mark] !== undefined) UPSTREAM_MARKS[mark](stage);
  else if (mark.startsWith('closed')) {
    expect(stage.close, 'the close').to.not.equal(undefined);
    expect(stage.close?.error?.code).to.equal(/^closed: (\S+)$/.exec(mark)?.[1]);
  } else if (mark === 'client hangs up') {
    stage.hangUp();
  } else throw new Error(`unknown mark: ${mark}`);
}

const UPSTREAM_MARKS: Readonly<Record<string, (stage: Stage) => void>> = {
  'upstream closes': stage => stage.endUpstream(),
  'upstream unreachable': stage => stage.fail('ERR_UPSTREAM_UNREACHABLE'),
  'upstream silent': stage => stage.fail('ERR_UPSTREAM_TIMEOUT'),
};

/** Adjoining lines of one speaker as one step; what was not read goes with its hand-over. */
export function grouped(steps: readonly Step[]): (Step & Rest)[] {
  const groups: { kind: Step['kind']; text: string; unread: string; answer: string }[] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if ((step.kind === 'unread' || step.kind === 'answer') && last !== undefined)
      last[step.kind] += step.text;
    else if (step.kind !== 'mark' && last?.kind === step.kind) last.text += step.text;
    else groups.push({ ...step, unread: '', answer: '' });
  }
  return groups;
}
