import { join } from 'node:path';
import ts from 'typescript';
import { ROOT } from './root.ts';

/** What the compiler has to say of modules that are in no file, with the settings of the repository. */
export function typeErrors(modules: readonly string[]): readonly string[] {
  const names = modules.map((_, index) => join(ROOT, 'docs/examples', `snippet-${index}.ts`));
  const sources = new Map(names.map((name, index) => [name, modules[index] ?? '']));
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile } = host;
  host.fileExists = name => sources.has(name) || fileExists(name);
  host.readFile = name => sources.get(name) ?? readFile(name);
  const program = ts.createProgram(names, options, host);
  return ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
}

function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  return ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT).options;
}
