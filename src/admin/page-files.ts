import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ICON, PAGE } from './page-html.ts';
import { STYLE } from './page-style.ts';

/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/** The page's own scripts; `main.js` is the one that it names. */
const SCRIPTS = ['main', 'charts', 'contact', 'element', 'format', 'panels', 'tables'] as const;

/** Whatever a browser may ask for, by its path. Nothing is fetched from anywhere else. */
const makers: ReadonlyMap<string, () => PageFile> = new Map<string, () => PageFile>([
  ['/', () => ({ type: 'text/html; charset=utf-8', text: PAGE })],
  ['/icon.svg', () => ({ type: 'image/svg+xml', text: ICON })],
  ['/page.css', () => ({ type: 'text/css; charset=utf-8', text: chartFile('uPlot.min.css') + STYLE })],
  ['/chart.js', () => ({ type: SCRIPT, text: chartFile('uPlot.iife.min.js') })],
  ...SCRIPTS.map(name => [`/page/${name}.js`, () => ({ type: SCRIPT, text: ownScript(name) })] as const),
]);

const made = new Map<string, PageFile>();

/** What the page is made of, by the path under which a browser asks for it; read once. */
export function pageFile(path: string): PageFile | undefined {
  const file = made.get(path) ?? makers.get(path)?.();
  if (file !== undefined) made.set(path, file);
  return file;
}

/** Of uPlot, which draws the charts: 50 KB, no dependency, and it needs nothing that the page's policy forbids. */
function chartFile(name: 'uPlot.min.css' | 'uPlot.iife.min.js'): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), 'utf8');
}

/** Beside this file in the sources and in the build, where the compiler puts it. */
function ownScript(name: (typeof SCRIPTS)[number]): string {
  return readFileSync(new URL(`./page/${name}.js`, import.meta.url), 'utf8');
}
