import * as z from 'zod';
import type { ConfigurationSchema } from './schema/schema.ts';
import type { Path } from './source.ts';

/** A JSON Schema, as far as it is read here. */
export interface Shape {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  /** In words: "it must be …". Not in what is published. */
  readonly form?: string;
  /** A secret: its value is not shown. */
  readonly writeOnly?: boolean;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** What the schema says of each place, as JSON Schema of what stands in a file. */
export function shapeOf(schema: ConfigurationSchema): Shape {
  return z.toJSONSchema(schema, { io: 'input' }) as Shape; // the same, with fewer members in the type
}

/** The same as it is published: editors complete and check by it. */
export function publishedSchema(schema: ConfigurationSchema): object {
  return z.toJSONSchema(schema, {
    io: 'input',
    override: ({ jsonSchema }) => {
      delete jsonSchema['form'];
    },
  });
}

/** All that may stand at a place: more than one shape where there is a choice. */
export function shapesAt(root: Shape, path: Path): readonly Shape[] {
  return path.reduce<readonly Shape[]>(
    (shapes, step) =>
      shapes.flatMap(alternatives).flatMap(({ properties = {}, items }) => {
        const next = typeof step === 'number' ? items : properties[step];
        return next === undefined ? [] : [next];
      }),
    [root],
  );
}

/** The keys that may stand in a map at a place. */
export function keysAt(root: Shape, path: Path): readonly string[] {
  return [
    ...new Set(
      shapesAt(root, path)
        .flatMap(alternatives)
        .flatMap(shape => Object.keys(shape.properties ?? {})),
    ),
  ];
}

/** The words that a value at a place may be. */
export function wordsAt(root: Shape, path: Path): readonly string[] {
  const words = shapesAt(root, path)
    .flatMap(alternatives)
    .flatMap(shape => shape.enum ?? [shape.const]);
  return words.filter(word => typeof word === 'string');
}

/** What would be right at a place, as the end of "it must be …". */
export function formAt(root: Shape, path: Path): string {
  const forms = shapesAt(root, path).map(formOf);
  return [...new Set(forms)].join(', or ');
}

export function isSecret(root: Shape, path: Path): boolean {
  return path.some((_, depth) =>
    shapesAt(root, path.slice(0, depth + 1)).some(shape => shape.writeOnly === true),
  );
}

/** What a shape takes, in words. */
export function formOf(shape: Shape): string {
  if (shape.form !== undefined) return shape.form;
  if (shape.anyOf !== undefined) return shape.anyOf.map(formOf).join(' or ');
  if (shape.enum !== undefined) return listed(shape.enum.map(String));
  if (shape.const !== undefined) return String(shape.const);
  switch (shape.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number from ${shape.minimum} to ${shape.maximum}`;
    case 'array':
      return `a list, each item ${formOf(shape.items ?? {})}`;
    case 'object':
      return `a map with the keys ${Object.keys(shape.properties ?? {}).join(', ')}`;
    default:
      return 'a text';
  }
}

function listed(words: readonly string[]): string {
  return words.length < 3 ? words.join(' or ') : `one of ${words.join(', ')}`;
}

function alternatives(shape: Shape): readonly Shape[] {
  return shape.anyOf === undefined ? [shape] : shape.anyOf.flatMap(alternatives);
}
