/** The environment variables that tell the proxies where the server behind them is. */
const DIALOGUE = 'SALLYPORT_BENCH_BACKEND';
const POSTGRES = 'SALLYPORT_BENCH_BACKEND_POSTGRES';

export interface BackendPorts {
  readonly dialogue: number;
  readonly postgres: number;
}

export function backendEnvironment({ dialogue, postgres }: BackendPorts): Readonly<Record<string, string>> {
  return { [DIALOGUE]: `${dialogue}`, [POSTGRES]: `${postgres}` };
}

/** Its ports, in a proxy's process. */
export function backendOfEnvironment(): BackendPorts {
  const { [DIALOGUE]: dialogue, [POSTGRES]: postgres } = process.env;
  if (dialogue === undefined || postgres === undefined) throw new Error('to be started by the benchmark');
  return { dialogue: Number(dialogue), postgres: Number(postgres) };
}
