/** The files for which the same is true, together, so that it is done once. */
export function groupedBy<T>(
  files: readonly string[],
  of: (file: string) => T,
): readonly (readonly [T, readonly string[]])[] {
  const groups = new Map<string, readonly [T, string[]]>();
  for (const file of files) {
    const value = of(file);
    const key = JSON.stringify(value) ?? '';
    const group = groups.get(key) ?? [value, []];
    group[1].push(file);
    groups.set(key, group);
  }
  return [...groups.values()];
}
