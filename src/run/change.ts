/** A change that is ready: one of the two is called, and it is done or was never there. */
export interface Change {
  commit(): Promise<void>;
  cancel(): Promise<void>;
}

export const NO_CHANGE: Change = { commit: async () => undefined, cancel: async () => undefined };
