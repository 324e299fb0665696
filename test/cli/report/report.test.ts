import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { type Report, reportFormats } from '../../../src/cli/report/report.ts';
import { splitLines } from '../../../src/cli/report/spoken.ts';
import { checkIds } from '../../../src/probe/check-table.ts';
import type { ProbeResult } from '../../../src/probe/probe-result.ts';
import { expectGolden } from '../../support/golden.ts';
import { failed, faulty, sound } from '../../support/probe-results.ts';
import { ROOT } from '../../support/root.ts';

const SCHEMA = 'docs/reference/probe-report.schema.json';

function written(format: string, results: readonly ProbeResult[], own: Partial<Report> = {}): string {
  const report = {
    results,
    version: '1.2.3',
    failOn: 'warning',
    width: 80,
    colour: false,
    transcript: false,
  };
  const write = reportFormats[format];
  if (write === undefined) throw new Error(`no format ${format}`);
  return write({ ...report, ...own } as Report); // its literals
}

function schemaFile(file: string): Record<string, unknown> {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function faultsOf(validate: ValidateFunction, document: unknown): unknown {
  return validate(document) ? [] : validate.errors;
}

describe('src/cli/report', () => {
  for (const format of Object.keys(reportFormats)) {
    it(`${format} carries no control character, and nothing that turns the direction of writing`, () => {
      const text = written(format, [failed, faulty, sound]);
      expect(text.replaceAll('\n', '')).to.not.match(/\p{Cc}/u);
      // Programs get what is, in JSON's own escapes.
      if (!/json|sarif/.test(format)) expect(text).to.not.contain('\u202e');
    });

    it(`${format} is a report of nothing as well`, () => {
      expect(written(format, [])).to.match(/\n$/);
    });
  }

  describe('text', () => {
    it('says the verdict, what is wrong and the facts', () => {
      expectGolden('cli/report/golden/faulty.txt', written('text', [faulty]));
    });

    it('says what can be said of several servers', () => {
      const text = written('text', [sound, failed], { transcript: true });
      expectGolden('cli/report/golden/several.txt', text);
    });

    it('fits into its width, and into that of a small terminal', () => {
      for (const width of [40, 80, 110]) {
        for (const line of written('text', [faulty, failed], { width, transcript: true }).split('\n')) {
          expect(line.length, line).to.be.at.most(width);
        }
      }
    });

    it('says the same in colour', () => {
      const coloured = written('text', [faulty, failed, sound], { colour: true, transcript: true });
      expect(coloured).to.contain('\x1b[31m');
      expect(stripVTControlCharacters(coloured)).to.equal(
        written('text', [faulty, failed, sound], { transcript: true }),
      );
    });

    it('shows all line ends but CRLF, and no escaped backslash for one', () => {
      expect(splitLines(String.raw`a\x0d\x0ab\x0ac\\x0d\x0ad\x0d\x0a`)).to.deep.equal([
        'a',
        String.raw`b\x0ac\\x0d\x0ad`,
      ]);
    });
  });

  describe('json', () => {
    const schema = schemaFile(join(ROOT, SCHEMA));
    const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);

    it('is as its schema says', () => {
      expect(faultsOf(validate, JSON.parse(written('json', [faulty, sound, failed])))).to.deep.equal([]);
    });

    it('is refused by the schema where it has more, less or other things', () => {
      const report = JSON.parse(written('json', [faulty]));
      const [result] = report.results;
      for (const change of [{ more: 1 }, { verdict: 'fine' }, { facts: undefined }, { startedAt: 'today' }]) {
        const changed = JSON.parse(JSON.stringify({ ...report, results: [{ ...result, ...change }] }));
        expect(faultsOf(validate, changed), JSON.stringify(change)).to.not.deep.equal([]);
      }
    });

    it('has a schema that knows every check', () => {
      expect(schema)
        .to.have.nested.property('$defs.check.enum')
        .deep.equal([...checkIds]);
    });

    it('has all that is known', () => {
      expect(JSON.parse(written('json', [faulty])).results).to.deep.equal([
        JSON.parse(JSON.stringify(faulty)),
      ]);
    });
  });

  describe('junit', () => {
    it('has a suite for each server and a case for each check', () => {
      expectGolden('cli/report/golden/junit.txt', written('junit', [faulty, sound, failed]));
    });

    it('is XML whose counts are true, and fails at the severity that is asked for', () => {
      for (const [failOn, failures] of [
        ['error', 1],
        ['warning', 2],
      ] as const) {
        const text = written('junit', [faulty, sound, failed], { failOn });
        expect(XMLValidator.validate(text)).to.equal(true);
        const always = ['testsuite', 'testcase'];
        const parser = new XMLParser({ ignoreAttributes: false, isArray: name => always.includes(name) });
        const { testsuites } = parser.parse(text);
        const cases = testsuites.testsuite.flatMap((suite: { testcase: unknown[] }) => suite.testcase);
        expect(testsuites).to.include({ '@_tests': String(cases.length), '@_failures': String(failures) });
        expect(cases.filter((each: object) => 'failure' in each).length).to.equal(failures);
        expect(cases.filter((each: object) => 'error' in each).length).to.equal(1);
        const [, offered] = testsuites.testsuite[0].testcase;
        const told = offered.failure?.['#text'] ?? offered['system-out'];
        expect(told).to.contain(`S: 220 <script>alert("1")</script> ]]> ' &amp; \\x1b[31m \\\\ ready`);
      }
    });
  });

  describe('junit, as the schema of Jenkins has it (junit-10.xsd)', () => {
    const allowed: Readonly<Record<string, RegExp>> = {
      testsuites: /^(name|tests|failures|errors|time)$/,
      testsuite: /^(name|tests|failures|errors|skipped|time|timestamp)$/,
      testcase: /^(name|classname|time)$/,
      failure: /^(type|message)$/,
      error: /^(type|message)$/,
      skipped: /^(type|message)$/,
      'system-out': /^$/,
    };

    it('has its elements and their attributes, and no other', () => {
      const text = written('junit', [faulty, sound, failed]);
      for (const [, element = '', attributes = ''] of text.matchAll(
        /<([a-z-]+)((?: [a-z]+="[^"]*")*)\/?>/g,
      )) {
        expect(allowed).to.have.property(element);
        for (const [, name = ''] of attributes.matchAll(/([a-z]+)="/g))
          expect(name).to.match(allowed[element] ?? /^$/);
      }
      expect(text).to.match(
        /<testsuite name="[^"]+" tests="5" failures="2" errors="0" skipped="1" time="\d+\.\d+"/,
      );
    });
  });

  describe('sarif', () => {
    // The schema of OASIS; its package has no need to be loaded.
    const file = createRequire(import.meta.url).resolve(
      '@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json',
    );
    const { $schema: _, id: __, ...schema } = schemaFile(file);
    const validate = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false }).compile(schema);

    it('is as its schema says', () => {
      const report = JSON.parse(written('sarif', [faulty, sound, failed]));
      expect(faultsOf(validate, report)).to.deep.equal([]);
      const [run] = report.runs;
      expect(run.results.map(({ level }: { level: string }) => level)).to.deep.equal([
        'error',
        'warning',
        'note',
      ]);
      for (const { ruleId, ruleIndex } of run.results)
        expect(run.tool.driver.rules[ruleIndex].id).to.equal(ruleId);
      expect(run.invocations[0].executionSuccessful).to.equal(false);
      expect(faultsOf(validate, { ...report, version: '2.0.0' })).to.not.deep.equal([]);
    });
  });

  describe('prometheus', () => {
    it('has every metric with its help and type, and labels that are escaped', () => {
      expectGolden('cli/report/golden/prometheus.txt', written('prometheus', [faulty, failed]));
    });

    it('has samples as the format has them, each once', () => {
      const lines = written('prometheus', [faulty, sound, failed]).trimEnd().split('\n');
      const samples = lines.filter(line => !line.startsWith('#'));
      for (const line of samples) {
        expect(line).to.match(/^[a-z_]+\{([a-z_]+="([^"\\\n]|\\["\\n])*",?)+\} -?\d+(\.\d+)?$/);
      }
      const series = samples.map(line => line.slice(0, line.lastIndexOf(' ')));
      expect(new Set(series).size).to.equal(series.length);
    });
  });

  describe('html', () => {
    const page = written('html', [faulty, sound, failed]);

    it('shows what a server said, and runs none of it', () => {
      const text = page.replace(/<style>[\s\S]*?<\/style>/, '');
      expect(text).to.contain(
        '&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; ]]&gt; &apos; &amp;amp; \\x1b[31m',
      );
      const tags = [...text.matchAll(/<\/?([a-z0-9]+)/gi)].map(([, name]) => name);
      expect(tags).to.not.include.members(['script']).and.not.include.members(['i']);
      expect(text).to.not.match(/<[^>]+\s(on\w+|style|src)=/i);
    });

    it('needs nothing else, and forbids it', () => {
      expect(page).to.contain(`content="default-src 'none'; style-src 'sha256-`);
      expect(page).to.not.match(/https?:|@import|url\(/);
    });

    it('has its pictures well-formed, with plaintext and TLS in bands of their own', () => {
      const pictures = page.match(/<svg[\s\S]*?<\/svg>/g) ?? [];
      // Of each dialogue and each piece of evidence, one for wide windows and one for narrow ones.
      expect(pictures.length).to.equal(2 * (3 + 2));
      for (const picture of pictures) expect(XMLValidator.validate(picture)).to.equal(true);
      const bands = [...(pictures[0] ?? '').matchAll(/class="band (\w+)"/g)].map(([, kind]) => kind);
      expect(bands).to.deep.equal(['plain', 'secure']);
    });
  });
});
