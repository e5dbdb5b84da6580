import { execFileSync } from 'node:child_process';

/** The numbers of the processors that this process may run on; none where that cannot be found out (`taskset` of util-linux). */
export function coresOfProcess(): readonly number[] {
  try {
    const told = execFileSync('taskset', ['--cpu-list', '--pid', String(process.pid)], { encoding: 'utf8' });
    return told.slice(told.lastIndexOf(':') + 1).split(',').flatMap(rangeOf);
  } catch {
    return [];
  }
}

/** Has all threads of this process, and those that begin later, run on these processors only; none means no change. */
export function bindTo(cores: readonly number[]): void {
  if (cores.length > 0) execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores.join(), String(process.pid)], { stdio: 'ignore' });
}

/** Of `0-3` or `5`. */
function rangeOf(text: string): number[] {
  const [first = 0, last = first] = text.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
