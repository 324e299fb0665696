import { type Aggregator, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What each series of a listener is told apart by. */
export const LISTENER_LABELS = ['listener', 'protocol'] as const;
export type ListenerLabels = Readonly<Record<(typeof LISTENER_LABELS)[number], string>>;

/** In seconds. A handshake on the same machine takes 2 ms, around the world a second; 30 s is the deadline. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const DELAYS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Every metric of ours, in a registry of its own. No label has a value that a peer chooses. */
export type MetricSet = ReturnType<typeof metricSet>;

export function metricSet() {
  const registry = new Registry();
  const registers = [registry];
  const counter: MakeCounter = (name, help, ...labels) =>
    new Counter({ name, help, registers, labelNames: [...LISTENER_LABELS, ...labels] });
  const gauge: MakeGauge = (name, help, labelNames, aggregator = 'sum') =>
    new Gauge({ name, help, registers, labelNames: [...labelNames], aggregator });
  const histogram = (name: string, help: string) =>
    new Histogram({ name, help, registers, labelNames: [...LISTENER_LABELS], buckets: DURATIONS });
  return {
    registry,
    ...funnelMetrics(counter, gauge),
    ...endMetrics(counter),
    dialogueSeconds: histogram(
      'sallyport_dialogue_duration_seconds',
      'From accepting a connection to the go-ahead, where TLS was turned on in-band.',
    ),
    handshakeSeconds: histogram(
      'sallyport_handshake_duration_seconds',
      'From the go-ahead, or with implicit TLS the first byte, to the end of a handshake that succeeded.',
    ),
    certificateExpiry: gauge(
      'sallyport_certificate_expiry_timestamp_seconds',
      'When a certificate that is served expires, in seconds since 1970.',
      CERTIFICATE_LABELS,
      'min',
    ),
    certificateDaysLeft: gauge(
      'sallyport_certificate_days_left',
      'Days until a certificate that is served expires; negative where it has.',
      CERTIFICATE_LABELS,
      'min',
    ),
    loopDelay: new Histogram({
      name: 'sallyport_event_loop_delay_seconds',
      help: 'How late a timer fired, ten times a second: what each byte waits for while the process is busy.',
      registers,
      buckets: DELAYS,
    }),
  };
}

const CERTIFICATE_LABELS = ['subject', 'serial'] as const;

type MakeCounter = <Label extends string>(
  name: string,
  help: string,
  ...labels: readonly Label[]
) => Counter<Label | keyof ListenerLabels>;
/** `aggregator` is how the values of several processes become one. Default `sum`. */
type MakeGauge = <Label extends string>(
  name: string,
  help: string,
  labels: readonly Label[],
  aggregator?: Aggregator,
) => Gauge<Label>;

/** How far connections come, in this order, and where those are that are open. */
function funnelMetrics(counter: MakeCounter, gauge: MakeGauge) {
  return {
    listenerInfo: gauge(
      'sallyport_listener_info',
      'A listener, and how it is set up; always 1.',
      [...LISTENER_LABELS, 'role', 'tls', 'address'],
      'max',
    ),
    connections: counter(
      'sallyport_connections_total',
      'Connections that were accepted, also those that were turned away.',
    ),
    greetings: counter(
      'sallyport_greetings_total',
      'Connections on which our first words were sent; where TLS comes first, with the ClientHello.',
    ),
    upgradesAsked: counter(
      'sallyport_upgrades_asked_total',
      'Connections whose client asked for TLS and was given the go-ahead; where TLS comes first, with the ClientHello.',
    ),
    clientHellos: counter('sallyport_client_hellos_total', "Connections on which the client's TLS began."),
    handshakes: counter(
      'sallyport_handshakes_total',
      'Handshakes that succeeded, by what was negotiated.',
      'version',
      'cipher',
      'resumed',
    ),
    handOvers: counter(
      'sallyport_hand_overs_total',
      'Sessions that were handed over to the application or to the upstream, under TLS or in plaintext.',
      'tls',
    ),
    open: gauge('sallyport_open_connections', 'Connections that are open, by what they are at.', [
      ...LISTENER_LABELS,
      'phase',
    ]),
  };
}

/** What became of connections. */
function endMetrics(counter: MakeCounter) {
  return {
    failures: counter(
      'sallyport_failures_total',
      'Connections that were refused or failed, by the code of the error, whom it blames, and how far they came.',
      'code',
      'blame',
      'reached',
    ),
    unheard: counter(
      'sallyport_unheard_connections_total',
      'Connections that were dropped without a word, above the limit.',
    ),
    droppedPlaintext: counter(
      'sallyport_plaintext_dropped_bytes_total',
      'Bytes of plaintext behind an upgrade command: dropped, or the reason to refuse.',
    ),
    clientBytes: counter(
      'sallyport_client_bytes_total',
      'Bytes on the connections of clients, TLS included; "in" is what we received.',
      'direction',
    ),
    upstreamBytes: counter(
      'sallyport_upstream_bytes_total',
      'Bytes on the connections to upstreams, TLS included; "in" is what we received.',
      'direction',
    ),
  };
}
