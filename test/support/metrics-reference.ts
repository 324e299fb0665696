import { metricSet } from '../../src/admin/metric-set.ts';

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** Every metric of ours, as the registry has it. */
export function describedMetrics(): readonly Described[] {
  // Not in the types: what a metric was made with.
  return metricSet().registry.getMetricsAsArray() as unknown as readonly Described[];
}

/** `docs/reference/metrics.md`, as the registry has it. */
export function metricsReference(): string {
  const rows = describedMetrics().map(({ name, type, labelNames, help }) => {
    const labels = labelNames.map(label => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${labels} | ${help} |`;
  });
  return `${INTRODUCTION}\n${rows.join('\n')}\n${LABELS}`;
}

const INTRODUCTION = `# Metrics

What \`/metrics\` of the [admin](../guide/metrics.md) tells, in the text format of Prometheus, version 0.0.4. Times are in
seconds. Besides these there are those that \`prom-client\` tells of every process: \`process_…\` and \`nodejs_…\`.

This file is made from \`src/admin/metric-set.ts\`, and a test holds it to that.

<!-- biome-ignore format: rows are long -->
| Metric | Type | Labels | Is |
| --- | --- | --- | --- |`;

const LABELS = `
## Labels

No label has a value that a peer chooses, so there are never more series because of what somebody sends.

<!-- biome-ignore format: rows are long -->
| Label | Values |
| --- | --- |
| \`listener\` | \`PROTOCOL:PORT\`, \`PROTOCOL:/PATH\` of a Unix socket, or the name under which the server is watched |
| \`protocol\` | the protocol's name |
| \`role\` | \`server\`, \`proxy\` |
| \`tls\` | of a listener its policy: \`required\`, \`optional\`, \`implicit\`, \`auto\`; of a hand-over \`yes\` or \`no\` |
| \`address\` | where it listens |
| \`version\` | \`TLSv1.2\`, \`TLSv1.3\` |
| \`cipher\` | the cipher suite, by its IANA name |
| \`resumed\` | \`yes\`, \`no\` |
| \`phase\` | \`dialogue\`, in plaintext or under TLS; \`handshake\`; \`session\`, after the hand-over; \`closing\` |
| \`code\`, \`blame\` | those of [errors.md](errors.md) |
| \`reached\` | the last milestone: \`connected\`, \`greeted\`, \`asked\`, \`clientHello\`, \`secured\`, \`handedOver\`, \`plaintext\` |
| \`direction\` | \`in\`, what we received; \`out\`, what we sent |
| \`subject\`, \`serial\` | those of the certificate |
`;
