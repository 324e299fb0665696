/** What a connection is at: the dialogue, also under TLS; a handshake; a session; its end. */
export const phases = ['dialogue', 'handshake', 'session', 'closing'] as const;
export type Phase = (typeof phases)[number];

/** Bytes on the wire, TLS included, as we see them: `in` is what we received. */
export interface Traffic {
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly upstreamIn: number;
  readonly upstreamOut: number;
}

/** What is open on a listener now, and what has crossed it since it was made. */
export interface Census {
  readonly open: Readonly<Record<Phase, number>>;
  readonly traffic: Traffic;
}

export interface Counted {
  readonly phase: Phase;
  readonly traffic: Traffic;
}

export const NO_TRAFFIC: Traffic = { bytesIn: 0, bytesOut: 0, upstreamIn: 0, upstreamOut: 0 };

/** Counts those that are open; `past` is what has crossed those that are not. */
export function censusOf(connections: Iterable<Counted>, past: Traffic): Census {
  const open = { dialogue: 0, handshake: 0, session: 0, closing: 0 };
  let traffic = past;
  for (const connection of connections) {
    open[connection.phase] += 1;
    traffic = added(traffic, connection.traffic);
  }
  return { open, traffic };
}

export function added(one: Traffic, other: Traffic): Traffic {
  return {
    bytesIn: one.bytesIn + other.bytesIn,
    bytesOut: one.bytesOut + other.bytesOut,
    upstreamIn: one.upstreamIn + other.upstreamIn,
    upstreamOut: one.upstreamOut + other.upstreamOut,
  };
}
