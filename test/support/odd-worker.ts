/** The worker of test/unit/base/worker-pool.test.ts: does what its job says, well or badly. */
import { getHeapStatistics } from 'node:v8';
import { threadId } from 'node:worker_threads';
import { serveJobs, threadTime } from '../../src/base/worker-host.ts';

export type OddJob =
  | { readonly do: 'add'; readonly numbers: readonly number[] }
  | { readonly do: 'ask' }
  | { readonly do: 'rest'; readonly milliseconds: number }
  | { readonly do: 'work'; readonly milliseconds: number }
  | { readonly do: 'who' | 'heap' | 'loop' | 'hang' | 'eat' | 'throw' | 'exit' | 'reject' | 'unsendable' };

type Doing = (ask: (question: unknown) => Promise<unknown>, job: OddJob) => unknown;

const DOINGS: Readonly<Record<OddJob['do'], Doing>> = {
  add: (_, job) => (job.do === 'add' ? job.numbers.reduce((sum, number) => sum + number, 0) : 0),
  ask: async (ask) => [await ask('one'), await ask('two')],
  rest: async (_, job) => {
    await new Promise((resolve) => setTimeout(resolve, timeOf(job)));
    return 'rested';
  },
  work: (_, job) => {
    const end = threadTime() + timeOf(job);
    while (threadTime() < end);
    return 'worked';
  },
  who: () => threadId,
  heap: () => getHeapStatistics().heap_size_limit / 2 ** 20,
  loop: () => {
    for (;;);
  },
  hang: () => new Promise(() => undefined),
  eat: () => {
    const eaten: object[] = [];
    for (;;) eaten.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
  },
  throw: () => {
    setImmediate(() => {
      throw new Error('a slip in the worker');
    });
    return new Promise(() => undefined);
  },
  exit: () => process.exit(3),
  reject: () => {
    throw new Error('cannot do that');
  },
  unsendable: () => () => undefined,
};

function timeOf(job: OddJob): number {
  return 'milliseconds' in job ? job.milliseconds : 0;
}

serveJobs<OddJob, unknown>((job, ask) => DOINGS[job.do](ask, job));
