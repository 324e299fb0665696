import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './root.ts';

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

/** The dashboard that is published for Grafana. */
export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(join(ROOT, 'docs/deploy/grafana.json'), 'utf8'));
}

/** Every expression of its panels, with Grafana's variables filled in as for all that there is. */
export function expressions(): readonly string[] {
  const all = dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  return all.map(expr =>
    expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1h').replace(/\$\w+/g, '.*'),
  );
}

/** The metrics that an expression names, and the labels by which it chooses or sums up. */
export function namesIn(expr: string): {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
} {
  const metrics = [...expr.matchAll(/\b((?:sallyport|process|nodejs)_\w+)/g)].map(([, name = '']) => name);
  const chosen = [...expr.matchAll(/(\w+)=~?"/g)].map(([, name = '']) => name);
  const summed = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/,\s*/));
  return { metrics, labels: [...new Set([...chosen, ...summed])] };
}
