/** What a figure is held to; absent: it is only shown. */
export interface Target {
  /** Sallyport's cost may be at most so many times the other server's. */
  readonly ratio?: number;
  /** Or so much more than it, in the figure's own unit. */
  readonly more?: number;
}

export type Rival = 'bare' | 'smtp-server';
export const RIVALS = ['bare', 'smtp-server'] as const satisfies readonly Rival[];

/** By the name of the figure, what Sallyport's may be beside each rival's. */
export const targets: Readonly<Record<string, Readonly<Record<Rival, Target>>>> = {
  upgrade: { bare: { ratio: 1.1 }, 'smtp-server': { ratio: 0.65 } },
  resumed: { bare: { ratio: 1.1 }, 'smtp-server': {} },
  plain: { bare: { ratio: 1.25 }, 'smtp-server': { ratio: 0.35 } },
  line: { bare: { ratio: 1.1 }, 'smtp-server': {} },
  pipelined: { bare: { ratio: 1.5 }, 'smtp-server': { ratio: 0.15 } },
  bulk: { bare: {}, 'smtp-server': { ratio: 0.42 } },
  memory: { bare: { more: 4 }, 'smtp-server': { ratio: 0.75 } },
};
