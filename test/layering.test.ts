import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect } from 'chai';
import { protocols } from '../protocol/index.ts';
import { ROOT } from './support/root.ts';

/** Which layer a file belongs to, and what it may import; the first pattern that fits counts. */
const layers: readonly { files: RegExp; imports: RegExp }[] = [
  { files: /^src\/errors\.ts$/, imports: /^$/ },
  { files: /^src\/wire\//, imports: /^(src\/(errors|wire\/.*)\.ts|node:buffer)$/ },
  { files: /^src\/dialogue\//, imports: /^(src\/(errors|(wire|dialogue)\/.*)\.ts|node:buffer)$/ },
  { files: /^protocol\//, imports: /^(src\/(errors|(wire|dialogue)\/.*)\.ts|protocol\/.*)$/ },
  { files: /^src\/log\.ts$/, imports: /^(src\/(errors|dialogue\/.*)\.ts|pino|pino-pretty)$/ },
  { files: /^src\/options\.ts$/, imports: /^(src\/(errors|dialogue\/.*)\.ts|node:(fs|os))$/ },
  {
    files: /^src\/net\//,
    imports:
      /^(src\/(errors|options|log|(wire|dialogue|net)\/.*)\.ts|node:.*|@peculiar\/x509|reflect-metadata|rate-limiter-flexible|ioredis)$/,
  },
  {
    files: /^src\/certificates\//,
    imports:
      /^(src\/(errors|options|log|(wire|net|certificates)\/.*)\.ts|node:.*|chokidar|@peculiar\/asn1-(ocsp|schema|x509))$/,
  },
  {
    files: /^src\/(server|proxy)\.ts$/,
    imports: /^(src\/(errors|options|log|server|(wire|dialogue|net)\/.*)\.ts|node:.*)$/,
  },
  {
    files: /^src\/probe(\/.*)?\.ts$/,
    imports: /^(src\/(errors|options|(wire|dialogue|net|probe)\/.*)\.ts|node:.*)$/,
  },
  { files: /^src\/version\.ts$/, imports: /^node:fs$/ },
  {
    files: /^src\/admin\//,
    imports:
      /^(src\/(errors|options|log|version|server|(wire|dialogue|net|admin)\/.*)\.ts|node:.*|prom-client)$/,
  },
  {
    files: /^src\/config\//,
    imports:
      /^(src\/(errors|options|log|server|proxy|(wire|dialogue|net|certificates|admin|config)\/.*)\.ts|node:.*|leven|yaml|zod)$/,
  },
  {
    files: /^src\/run\//,
    imports:
      /^(src\/(errors|options|log|server|proxy|(wire|dialogue|net|certificates|admin|config|run)\/.*)\.ts|node:.*)$/,
  },
  {
    files: /^src\/acme\//,
    imports: /^(src\/(errors|options|log|server|(net|certificates|acme)\/.*)\.ts|node:.*|acme-client)$/,
  },
  { files: /^src\/index\.ts$/, imports: /^(src|protocol)\// },
  { files: /^src\/cli\//, imports: /./ },
];

/** The only ones that may open, accept or wrap a socket. */
const SOCKETS = /^src\/net\//;

interface Source {
  readonly file: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = ['src', 'protocol'].flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts'))
    .map(name => sourceOf(join(folder, name))),
);

describe('layering', () => {
  for (const { file, text, imports } of sources) {
    it(`${file} imports only what its layer may`, () => {
      const layer = layers.find(({ files }) => files.test(file));
      if (layer === undefined) throw new Error(`${file} belongs to no layer`);
      for (const imported of imports) expect(imported).to.match(layer.imports);
    });

    it(`${file} touches sockets only if it may`, () => {
      const touches = imports.some(imported => /^node:(net|tls|dgram|http|https|http2)$/.test(imported));
      const onlyTypes = !/^import (?!type\b)[^;]*from 'node:(net|tls|dgram|http|https|http2)'/m.test(text);
      if (touches && !SOCKETS.test(file)) {
        expect(onlyTypes || /import \{ isIP(v6)? \} from 'node:net'/.test(text)).to.equal(true);
      }
    });

    it(`${file} waits for every part of a dialogue`, () => {
      // `peer.startTls()` without `yield*` compiles, and does nothing (design.md).
      const calls = text.match(
        /^.*\b(client|server|peer|plain|secure)\.(line|command|bytes|through|startTls|connectTls)\(.*$/gm,
      );
      for (const call of calls ?? []) {
        if (!/^(src\/dialogue|protocol)\//.test(file)) continue;
        expect(call).to.match(/yield\* \w+\.(line|command|bytes|through|startTls|connectTls)\(/);
      }
    });
  }

  it('nothing outside of protocol/ knows a protocol by name, but for the examples of the command', () => {
    const names = new RegExp(`['"\`](${protocols.map(({ name }) => name).join('|')})['"\`]`);
    for (const { file, text } of sources) {
      if (file.startsWith('protocol/')) continue;
      expect(names.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')), file).to.equal(false);
    }
  });

  it('the top level has four folders, besides those that tools make', () => {
    const folders = readdirSync(ROOT, { withFileTypes: true })
      .filter(entry => entry.isDirectory() && !/^(\.|node_modules$|dist$|coverage$)/.test(entry.name))
      .map(({ name }) => name);
    expect(folders.sort()).to.deep.equal(['docs', 'protocol', 'src', 'test']);
  });
});

function sourceOf(file: string): Source {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = [...text.matchAll(/(?:(?<![-\w])from|import\()\s*'([^']+)'|^import '([^']+)'/gm)].map(
    match => match[1] ?? match[2] ?? '',
  );
  const imports = found.map(path =>
    path.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), path)) : path,
  );
  return { file, text, imports };
}
