export type Environment = Readonly<Record<string, string | undefined>>;

export interface Inserted {
  readonly text: string;
  /** What could not be put in. */
  readonly unknown: readonly { readonly found: string; readonly right: string }[];
}

/** Puts variables of the environment in the place of `${NAME}`; `$${` stands for `${` itself. */
export function insertVariables(text: string, environment: Environment): Inserted {
  const unknown: { found: string; right: string }[] = [];
  const inserted = text.replace(/\$\$\{|\$\{([^}]*)\}?/g, (written: string, name: string | undefined) => {
    if (name === undefined) return '${';
    const value = /^[A-Za-z_]\w*$/.test(name) ? environment[name] : undefined;
    if (value === undefined) unknown.push(fault(written, name));
    return value ?? written;
  });
  return { text: inserted, unknown };
}

function fault(written: string, name: string) {
  if (!/^[A-Za-z_]\w*$/.test(name) || !written.endsWith('}')) {
    return {
      found: `"${written}" names no variable`,
      right: `it must be \${NAME}, in letters, digits and _; write $\${ for the text \${ itself`,
    };
  }
  return {
    found: `the environment has no variable ${name}`,
    right: `set it, or write $\${${name}} if the text itself is meant`,
  };
}
