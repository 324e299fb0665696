/**
 * What Stryker leaves alone, as a plugin of it: the texts that people read, which no program may rely on, and the
 * tables that say a name twice. A test of these would be their copy.
 *
 * JavaScript, because Stryker loads it where nothing strips types.
 */
export const strykerPlugins = [{ kind: 'Ignore', name: 'no-mutants', value: { shouldIgnore } }];

const TEXTS = new Set(['StringLiteral', 'TemplateLiteral']);
const ERRORS = new Set(['RangeError', 'TypeError', 'Error']);
const LEVELS = new Set(['trace', 'debug', 'info', 'warn', 'error']);

/** Why a node of Babel's gets no mutants; `undefined` if it does. */
function shouldIgnore({ node, parent, parentPath }) {
  if (parent === undefined || parent === null || !TEXTS.has(node.type)) return undefined;
  const place = parent.arguments?.indexOf(node) ?? -1;
  const thrown = parent.type === 'NewExpression' ? parent.callee.name : undefined;
  if (thrown === 'SallyportError' && place === 1) return 'detail of an error, for people';
  if (parentPath?.parent?.type === 'ThrowStatement' && place >= 0 && !node.value?.startsWith('ERR_'))
    return 'detail of an error that is thrown, for people';
  if (ERRORS.has(thrown) && place === 0) return 'text of an error, for people';
  if (parent.type === 'CallExpression' && place === 1 && LEVELS.has(parent.callee.property?.name))
    return 'text of a log message, for people';
  const [first, ...others] = parent.elements ?? [];
  if (first?.type === 'NumericLiteral' && others.length === 1) return 'name that a registry gives a number';
  return undefined;
}
