const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * At the first SIGINT or SIGTERM does its last work and ends the process; at the second ends it at once. The function
 * that it returns lets the process be.
 */
export function endOnSignal(lastWork: () => Promise<void>): () => void {
  let ending = false;
  const listeners = Object.entries(SIGNALS).map(([signal, status]) => {
    const listener = () => {
      if (ending) process.exit(status);
      ending = true;
      const exit = () => process.exit(status);
      void lastWork().then(exit, exit);
    };
    process.on(signal, listener);
    return [signal, listener] as const;
  });
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}
