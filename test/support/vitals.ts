import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Operator } from './operator.ts';

/** How an operator feels from outside, since it was watched. */
export interface Vitals {
  /** The longest that `/healthz` took to answer; milliseconds. It waits for the event loop. */
  readonly slowestAnswer: number;
  /** Peak resident memory since the process started; MiB. */
  readonly peakMemory: number;
  /** Processor time so far, user and system; seconds. */
  readonly cpu: number;
}

const TICKS_PER_SECOND = 100;

/** Asks `/healthz` every 20 ms until told to stop. */
export function watchVitals({ probesUrl, process }: Operator): { now(): Vitals; stop(): Promise<Vitals> } {
  let slowestAnswer = 0;
  const stopping = new AbortController();
  const asking = (async () => {
    while (!stopping.signal.aborted) {
      const started = performance.now();
      await (await fetch(`${probesUrl}/healthz`)).text();
      slowestAnswer = Math.max(slowestAnswer, performance.now() - started);
      await sleep(20);
    }
  })();
  const now = (): Vitals => ({ slowestAnswer, peakMemory: peakMemoryOf(process.pid), cpu: cpuOf(process.pid) });
  return {
    now,
    async stop() {
      stopping.abort();
      await asking;
      return now();
    },
  };
}

/** Peak resident memory of a process; MiB. */
export function peakMemoryOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

/** Resident memory of a process as it is now; MiB. */
export function memoryOf(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1024;
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
