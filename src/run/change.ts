import type { AdminChange } from '../admin/admin.ts';

/** A change that is ready, of the admin or of another part: one of the two is called, and it is done or was never there. */
export type Change = AdminChange;

export const NO_CHANGE: Change = { commit: async () => undefined, cancel: async () => undefined };
