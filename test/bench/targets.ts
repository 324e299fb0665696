/** What a figure is held to; absent: it is only shown. */
export interface Target {
  /** Sallyport's cost may be at most so many times the other server's. */
  readonly ratio?: number;
  /** Or so much more than it, in the figure's own unit. */
  readonly more?: number;
}

/** By the name of the figure and that of the rival, what Sallyport's may be beside it. */
export type Targets = Readonly<Record<string, Readonly<Record<string, Target>>>>;

/** Of a server; see `upgrade.ts`. */
export const serverTargets: Targets = {
  upgrade: { bare: { ratio: 1.1 }, 'smtp-server': { ratio: 0.65 } },
  resumed: { bare: { ratio: 1.1 } },
  plain: { bare: { ratio: 1.25 }, 'smtp-server': { ratio: 0.35 } },
  line: { bare: { ratio: 1.1 } },
  pipelined: { bare: { ratio: 1.5 }, 'smtp-server': { ratio: 0.15 } },
  bulk: { 'smtp-server': { ratio: 0.42 } },
  memory: { bare: { more: 4 }, 'smtp-server': { ratio: 0.75 } },
};

/** Of a proxy; see `proxy.ts`. */
export const proxyTargets: Targets = {
  upgrade: { bare: { ratio: 1.1 }, stunnel: { ratio: 0.7 } },
  resumed: { bare: { ratio: 1.1 } },
  line: { bare: { ratio: 1.1 }, stunnel: { ratio: 0.85 } },
  out: { bare: { ratio: 1.1 }, stunnel: { ratio: 1.2 } },
  in: { bare: { ratio: 1.1 }, stunnel: { ratio: 1.6 } },
  memory: { bare: { ratio: 1.1 }, stunnel: { ratio: 0.5 } },
};
