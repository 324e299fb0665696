import { readdirSync, readFileSync } from 'node:fs';

/** User and system time of a process and all its descendants so far, in microseconds. */
export function processorTime(pid: number): number {
  let time = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    time += threadTime(`/proc/${pid}/task/${thread}`);
    for (const child of childrenOf(`/proc/${pid}/task/${thread}`)) time += processorTime(child);
  }
  return time;
}

/**
 * User and system time of one process so far, in microseconds, in steps of 10 ms. Threads that have ended are counted:
 * what they leave behind when they go is in the process's own `stat` alone.
 */
export function processTime(pid: number): number {
  return ticksIn(read(`/proc/${pid}/stat`)) * TICK;
}

/** Microseconds of a clock tick in `stat`: USER_HZ is 100 on every architecture that Node runs on. */
const TICK = 10_000;

/**
 * The scheduler counts nanoseconds, for each thread apart; where the kernel does not (CONFIG_SCHED_INFO),
 * `stat` counts ticks of 10 ms.
 */
function threadTime(folder: string): number {
  const nanoseconds = Number(read(`${folder}/schedstat`).split(' ', 1)[0] ?? 0);
  if (nanoseconds > 0) return nanoseconds / 1000;
  return ticksIn(read(`${folder}/stat`)) * TICK;
}

/** The name in brackets may hold blanks: utime and stime are the 12th and 13th field behind it. */
function ticksIn(stat: string): number {
  const fields = stat.replace(/^.*\) /s, '').split(' ');
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
}

function childrenOf(folder: string): number[] {
  return read(`${folder}/children`)
    .split(' ')
    .filter(pid => /^\d+$/.test(pid))
    .map(Number);
}

/** Empty for what is gone since the folder was listed, or is not there on this kernel. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
