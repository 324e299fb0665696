import { protocols } from '../../protocol/index.ts';
import { configurationSchema } from '../../src/config/schema/schema.ts';
import { formOf, publishedSchema, type Shape, shapeOf } from '../../src/config/shape.ts';

const schema = configurationSchema(protocols.map(({ name }) => name));

/** `docs/reference/configuration.schema.json`, as the schema has it. */
export function configurationJsonSchema(): string {
  return `${JSON.stringify(publishedSchema(schema), undefined, 2)}\n`;
}

/** `docs/reference/configuration.md`, as the schema has it. */
export function configurationReference(): string {
  const sections = sectionsOf('', shapeOf(schema));
  return `${INTRODUCTION}\n${sections.map(sectionText).join('\n')}`;
}

const INTRODUCTION = `# The configuration file

What may stand in the file of \`sallyport run\` and \`sallyport check\`. The guide is [operations.md](../guide/operations.md).
[configuration.schema.json](configuration.schema.json) says the same to editors.

The file is YAML. Files that it names are seen from the folder in which it stands. In a text, \`\${NAME}\` is a variable of
the environment and \`$\${\` stands for \`\${\`; the text of \`exec\` is left to the shell. A key that is not named here is a
mistake.

This file is made from \`src/config/schema/\`, and a test holds it to that.
`;

interface Section {
  /** Keys that lead there, with dots. */
  readonly path: string;
  readonly shape: Shape;
}

/** The maps in a shape, each before those in it; each once, and none that its own place explains. */
function sectionsOf(path: string, shape: Shape): readonly Section[] {
  const { properties = {} } = shape;
  const below = Object.entries(properties).flatMap(([key, value]) => {
    const name = path === '' ? key : `${path}.${key}`;
    return mapsOf(value).flatMap(map => sectionsOf(name, map));
  });
  const own = Object.keys(properties).length === 0 ? [] : [{ path, shape }];
  const elsewhere = /\.(certificates|passphrase|token|redis)$/;
  const all = [...own, ...below].filter(({ path: each }) => !elsewhere.test(each));
  return [...new Map(all.map(section => [section.path, section])).values()];
}

/** A value that is a map, or a list of maps, or may be one. */
function mapsOf({ anyOf, items, properties, ...rest }: Shape): readonly Shape[] {
  if (properties !== undefined) return [{ ...rest, properties }];
  if (items !== undefined) return mapsOf(items);
  return (anyOf ?? []).flatMap(mapsOf);
}

function sectionText({ path, shape }: Section): string {
  const { properties = {}, required = [] } = shape;
  const rows = Object.entries(properties).map(([key, value]) => {
    const preset = required.includes(key) ? 'must be given' : presetText(value);
    const cells = [
      `\`${key}\``,
      preset,
      formText(value, path === '' ? key : `${path}.${key}`),
      value.description,
    ];
    return `| ${cells.map((cell = '') => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  const title = path === '' ? '## At the top' : `## ${path}`;
  return [title, '', '| Key | Default | What it is | Means |', '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  );
}

function presetText({ default: preset }: Shape): string {
  return preset === undefined || typeof preset === 'object' ? '' : `\`${preset}\``;
}

function formText(shape: Shape, path: string): string {
  return shape.properties === undefined ? formOf(shape) : `[a map](#${path.replaceAll('.', '')})`;
}
