#!/usr/bin/env node
import { CommanderError } from 'commander';
import { printable } from '../wire/printable.ts';
import { exitStatus, exitStatuses } from './exit-status.ts';
import { program } from './program.ts';

async function main(): Promise<void> {
  try {
    await program().parseAsync();
  } catch (error) {
    // commander has said its part, and asks for 0 (help, version) or 1.
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? exitStatuses.ok : exitStatuses.usage;
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    process.stderr.write(`sallyport: ${printable(reason, 2000)}\n`);
    // What listens already would keep the process alive.
    process.exit(exitStatus(error));
  }
}

// `sallyport --help | head` closes the pipe: that is an end, and no error.
process.stdout.on('error', () => process.exit(exitStatuses.ok));
await main();
