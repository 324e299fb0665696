import type { ProbeResult } from '../../probe/probe-result.ts';
import type { Report } from './report.ts';
import { shown } from './shown.ts';
import { findingsOf, SEVERITIES } from './verdict.ts';

type Labels = Readonly<Record<string, string | undefined>>;

type Sample = readonly [labels: Labels, value: number | undefined];

interface Metric {
  readonly name: string;
  readonly help: string;
  readonly samples: (result: ProbeResult) => readonly Sample[];
}

/** For Prometheus, in its text format 0.0.4: to be collected from a file, or pushed. */
export function prometheusReport({ results }: Report): string {
  const blocks = metrics.map(({ name, help, samples }) => {
    const lines = results.flatMap(result =>
      samples(result)
        .filter((sample): sample is readonly [Labels, number] => sample[1] !== undefined)
        .map(([labels, value]) => `${name}{${labelsOf(result, labels)}} ${value}`),
    );
    return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines];
  });
  return `${blocks.flat().join('\n')}\n`;
}

/** Every metric, in the order of the report. */
export const metrics: readonly Metric[] = [
  {
    name: 'sallyport_probe_success',
    help: 'Whether the server could be probed, whatever was found.',
    samples: ({ verdict }) => [[{}, verdict === 'failed' ? 0 : 1]],
  },
  {
    name: 'sallyport_probe_timestamp_seconds',
    help: 'When the probe began, in seconds since 1970.',
    samples: ({ startedAt }) => [[{}, seconds(startedAt)]],
  },
  {
    name: 'sallyport_probe_duration_seconds',
    help: 'How long the probe took.',
    samples: ({ duration }) => [[{}, duration / 1000]],
  },
  {
    name: 'sallyport_probe_phase_duration_seconds',
    help: 'How long a phase of the first connection took: connect, dialogue, handshake, under_tls.',
    samples: ({ facts: { times } }) =>
      Object.entries(PHASES).map(([phase, key]) => [{ phase }, inSeconds(times[key])]),
  },
  {
    name: 'sallyport_probe_findings',
    help: 'How many findings of a severity there are.',
    samples: result =>
      result.verdict === 'failed'
        ? []
        : SEVERITIES.map(severity => [{ severity }, findingsOf(result, severity)]),
  },
  {
    name: 'sallyport_probe_finding',
    help: 'A finding: 1 for each that there is.',
    samples: ({ findings }) => findings.map(({ check, severity }) => [{ check, severity }, 1]),
  },
  {
    name: 'sallyport_probe_checks',
    help: 'How many checks came out one way: passed, found, not_tried.',
    samples: ({ passed, findings, notTried }) =>
      Object.entries({ passed, found: findings, not_tried: notTried }).map(([result, { length }]) => [
        { result },
        length,
      ]),
  },
  {
    name: 'sallyport_probe_certificate_expiry_timestamp_seconds',
    help: 'When a certificate expires, in seconds since 1970; position 0 is that of the server.',
    samples: ({ facts }) =>
      facts.certificates.map(({ subject, validTo }, index) => [
        { position: String(index), subject },
        seconds(validTo),
      ]),
  },
  {
    name: 'sallyport_probe_certificate_trusted',
    help: 'Whether a trusted authority vouches for the certificate and it has the name of the server.',
    samples: ({ facts: { chain } }) =>
      chain === undefined ? [] : [[{}, chain.trusted && chain.named ? 1 : 0]],
  },
  {
    name: 'sallyport_probe_tls_info',
    help: 'What the handshake of the first connection negotiated; always 1.',
    samples: ({ facts: { tls } }) =>
      tls === undefined
        ? []
        : [[{ version: tls.version, cipher: tls.cipher, group: tls.group, alpn: tls.alpn }, 1]],
  },
];

const PHASES = {
  connect: 'connect',
  dialogue: 'dialogue',
  handshake: 'handshake',
  under_tls: 'underTls',
} as const;

function labelsOf({ target }: ProbeResult, own: Labels): string {
  const labels = { target: target.url, protocol: target.protocol, ...own };
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value ?? '')}"`)
    .join(',');
}

function escaped(value: string): string {
  return shown(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
}

function seconds(date: string): number {
  return Math.floor(Date.parse(date) / 1000);
}

function inSeconds(milliseconds: number | undefined): number | undefined {
  return milliseconds === undefined ? undefined : Number((milliseconds / 1000).toFixed(6));
}
