import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/base/clock.ts';
import type { Job } from '../../../src/base/pool-worker.ts';
import { WorkerError } from '../../../src/base/pool-worker.ts';
import { WorkerPool, type WorkerPoolOptions } from '../../../src/base/worker-pool.ts';
import type { OddJob } from '../../support/odd-worker.ts';
import { until } from '../../support/until.ts';

const ENTRY = new URL('../../support/odd-worker.ts', import.meta.url);

interface World {
  readonly pool: WorkerPool;
  readonly ended: string[];
  readonly odd: (job: OddJob, more?: Partial<Job>, signal?: AbortSignal) => Promise<unknown>;
}

/** Runs a test with a pool, which is closed at the end whatever happens. */
function withPool(run: (world: World) => Promise<void>, options: Partial<WorkerPoolOptions> = {}): () => Promise<void> {
  return async () => {
    const ended: string[] = [];
    const pool = new WorkerPool({ entry: ENTRY, clock: systemClock, name: 'odd', size: 2, memory: 64, queue: 100, onEnded: ({ code }) => ended.push(code), ...options });
    const odd: World['odd'] = (job, more, signal) => pool.run({ input: () => job, cpu: 5000, wall: 30_000, ...more }, signal);
    try {
      await run({ pool, ended, odd });
    } finally {
      await pool.close();
    }
    assert.deepEqual(pool.state, { workers: 0, busy: 0, waiting: 0 });
  };
}

const code = (expected: string) => (error: unknown): true => {
  assert.ok(error instanceof WorkerError, String(error));
  assert.equal(error.code, expected, error.message);
  return true;
};

test('many jobs are done by few workers, each with its own answer', withPool(async ({ pool, odd, ended }) => {
  const sums = await Promise.all(Array.from({ length: 60 }, (_, index) => odd({ do: 'add', numbers: [index, 1] })));
  assert.deepEqual(sums, Array.from({ length: 60 }, (_, index) => index + 1));
  assert.deepEqual(pool.state, { workers: 2, busy: 0, waiting: 0 });
  assert.deepEqual(ended, []);
}));

test('no worker is there before the first job, and one is enough for jobs that come one after the other', withPool(async ({ pool, odd }) => {
  assert.equal(pool.state.workers, 0);
  for (let turn = 0; turn < 5; turn += 1) await odd({ do: 'add', numbers: [] });
  assert.equal(pool.state.workers, 1);
}, { size: 4 }));

test('jobs of one affinity go to one worker while that is free, and those of others to others', withPool(async ({ odd }) => {
  const seen = new Set<unknown>();
  while (seen.size < 3) for (const who of await Promise.all([1, 2, 3].map(() => odd({ do: 'who' })))) seen.add(who);
  const homes = new Set<unknown>();
  for (const affinity of ['a', 'b', 'c', 'd', 'e']) {
    const workers = new Set<unknown>();
    for (let turn = 0; turn < 5; turn += 1) workers.add(await odd({ do: 'who' }, { affinity }));
    assert.equal(workers.size, 1, affinity);
    homes.add([...workers][0]);
  }
  assert.equal(homes.size, 3);
}, { size: 3 }));

test('a worker is answered what it asks while it does the job', withPool(async ({ odd }) => {
  assert.deepEqual(await odd({ do: 'ask' }, { answer: (question) => `${String(question)}!` }), ['one!', 'two!']);
}));

test('the input is made when a worker takes the job, and knows which one', withPool(async ({ pool }) => {
  const seen: object[] = [];
  const job = { input: (worker: object) => (seen.push(worker), { do: 'who' }), cpu: 5000, wall: 30_000 };
  const [one, two] = [await pool.run(job), await pool.run(job)];
  assert.equal(seen[0], seen[1]);
  assert.equal(one, two);
}));

const endings: Record<string, { job: OddJob; limits?: Partial<Job>; code: string; says: RegExp }> = {
  'a job that never ends': { job: { do: 'loop' }, limits: { cpu: 200 }, code: 'Overrun', says: /used 2\d\d|used [3-9]\d\d/ },
  'one that waits for nothing': { job: { do: 'hang' }, limits: { cpu: 50, wall: 300 }, code: 'Stuck', says: /not done after 0\.3 s/ },
  'one that eats memory': { job: { do: 'eat' }, code: 'OutOfMemory', says: /more than the 64 MiB/ },
  'one that breaks its worker': { job: { do: 'throw' }, code: 'Crashed', says: /a slip in the worker/ },
  'one that exits': { job: { do: 'exit' }, code: 'Crashed', says: /exited with code 3/ },
};
for (const [what, { job, limits = {}, code: expected, says }] of Object.entries(endings)) {
  test(`${what} is ended as ${expected}, its worker is replaced, and all others are done`, withPool(async ({ odd, ended }) => {
    const others = Array.from({ length: 5 }, (_, index) => odd({ do: 'add', numbers: [index] }));
    const error = await odd(job, limits).then(() => assert.fail('it was done'), (reason: unknown) => reason as WorkerError);
    assert.ok(code(expected)(error));
    assert.match(error.message, says);
    const later = Array.from({ length: 5 }, (_, index) => odd({ do: 'add', numbers: [index] }));
    assert.deepEqual(await Promise.all([...others, ...later]), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    assert.deepEqual(ended, [expected]);
  }, { size: 1 }));
}

test('a job that takes long without using the processor is not condemned before its time', withPool(async ({ odd, ended }) => {
  assert.equal(await odd({ do: 'rest', milliseconds: 400 }, { cpu: 50 }), 'rested');
  assert.deepEqual(ended, []);
}));

test('the time of one job is not counted against the next', withPool(async ({ odd, ended }) => {
  for (let turn = 0; turn < 6; turn += 1) assert.equal(await odd({ do: 'work', milliseconds: 100 }, { cpu: 400 }), 'worked');
  assert.equal(await odd({ do: 'rest', milliseconds: 600 }, { cpu: 400 }), 'rested');
  assert.deepEqual(ended, []);
}, { size: 1 }));

test('what a handler throws rejects the job alone', withPool(async ({ odd, ended }) => {
  await assert.rejects(odd({ do: 'reject' }), (error) => code('Failed')(error) && /cannot do that/.test((error as Error).message));
  await assert.rejects(odd({ do: 'unsendable' }), code('Failed'));
  await assert.rejects(odd({ do: 'add', numbers: [(() => undefined) as unknown as number] }), code('Failed'));
  assert.equal(await odd({ do: 'add', numbers: [1] }), 1);
  assert.deepEqual(ended, []);
}, { size: 1 }));

test('a caller that leaves the queue takes nothing away from the others', withPool(async ({ pool, odd }) => {
  const controller = new AbortController();
  const running = odd({ do: 'rest', milliseconds: 100 });
  const [left, stays] = [odd({ do: 'loop' }, {}, controller.signal), odd({ do: 'add', numbers: [1] })];
  controller.abort(new Error('enough'));
  await assert.rejects(left, /enough/);
  assert.equal(pool.state.waiting, pool.state.busy === 0 ? 2 : 1);
  assert.deepEqual(await Promise.all([running, stays]), ['rested', 1]);
}, { size: 1 }));

test('a caller that leaves a job that has begun is free at once; the job is still watched over', withPool(async ({ pool, odd, ended }) => {
  const controller = new AbortController();
  const looping = odd({ do: 'loop' }, { cpu: 300 }, controller.signal);
  await until(() => pool.state.busy === 1, 'the job to begin');
  controller.abort(new Error('enough'));
  await assert.rejects(looping, /enough/);
  assert.equal(await odd({ do: 'add', numbers: [1] }), 1);
  assert.deepEqual(ended, ['Overrun']);
}, { size: 1 }));

test('a caller that had left before is not waited for', withPool(async ({ pool, odd }) => {
  await assert.rejects(odd({ do: 'loop' }, {}, AbortSignal.abort(new Error('enough'))), /enough/);
  assert.equal(pool.state.workers, 0);
}));

test('a queue that is full takes no more', withPool(async ({ odd }) => {
  const taken = [odd({ do: 'add', numbers: [1] }), odd({ do: 'add', numbers: [2] })];
  await assert.rejects(odd({ do: 'add', numbers: [3] }), code('Full'));
  assert.deepEqual(await Promise.all(taken), [1, 2]);
}, { size: 1, queue: 2 }));

test('workers that die at their start are not started again at once, and whoever waits is told', async () => {
  let now = 1_000;
  const clock = { now: () => now, after: systemClock.after.bind(systemClock) };
  const ended: string[] = [];
  const broken = new URL('data:text/javascript,throw new Error("no code")');
  const pool = new WorkerPool({ entry: broken, clock, name: 'broken', size: 2, memory: 64, queue: 10, backoff: { base: 1000, factor: 2, max: 8000 }, onEnded: (error) => ended.push(error.message) });
  const job = { input: () => 1, cpu: 1000, wall: 1000 };
  try {
    for (const jobs of [3, 1]) {
      await Promise.all(Array.from({ length: jobs }, () => assert.rejects(pool.run(job), (error) => code('Unavailable')(error) && /no code|tried again soon/.test((error as Error).message))));
    }
    assert.ok(ended.length >= 1 && ended.length <= 2, `${ended.length} starts`);
    const starts = ended.length;
    await assert.rejects(pool.run(job), code('Unavailable'));
    assert.equal(ended.length, starts, 'it is not tried before its time');
    now += 10_000;
    await assert.rejects(pool.run(job), /no code/);
    assert.equal(ended.length, starts + 1);
  } finally {
    await pool.close();
  }
});

test('closing rejects what has begun and what waits, and is done when every thread is gone', withPool(async ({ pool, odd }) => {
  const jobs = [odd({ do: 'loop' }), odd({ do: 'loop' }), odd({ do: 'loop' })];
  await until(() => pool.state.busy === 2, 'two jobs to begin');
  const outcomes = Promise.allSettled(jobs);
  await pool.close();
  for (const outcome of await outcomes) assert.ok(outcome.status === 'rejected' && code('Closed')(outcome.reason));
  await assert.rejects(odd({ do: 'loop' }), code('Closed'));
}));

test('many jobs that break their workers leave neither threads nor jobs behind', withPool(async ({ pool, odd, ended }) => {
  const jobs = Array.from({ length: 24 }, (_, index) => odd(index % 2 === 0 ? { do: 'exit' } : { do: 'add', numbers: [index] }));
  const outcomes = await Promise.allSettled(jobs);
  assert.deepEqual(outcomes.map(({ status }) => status), jobs.map((_, index) => (index % 2 === 0 ? 'rejected' : 'fulfilled')));
  assert.equal(ended.length, 12);
  assert.ok(pool.state.workers <= 2);
}));

test('workers that have nothing to do do not keep a process from ending', async () => {
  assert.equal(await inProcess({ do: 'add', numbers: [40, 2] }), '42\n');
});

test('a worker has the heap that the pool gives it, whatever the process was given', async () => {
  const heaps = await Promise.all([{}, { NODE_OPTIONS: '--max-old-space-size=352 --max-semi-space-size=16' }].map((env) => inProcess({ do: 'heap' }, env)));
  assert.deepEqual(heaps, ['64\n', '64\n']);
});

/** What a process prints that has a job done, and then has nothing to do. */
async function inProcess(job: OddJob, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const program = `
    import { systemClock } from ${JSON.stringify(new URL('../../../src/base/clock.ts', import.meta.url).href)};
    import { WorkerPool } from ${JSON.stringify(new URL('../../../src/base/worker-pool.ts', import.meta.url).href)};
    const pool = new WorkerPool({ entry: new URL(${JSON.stringify(ENTRY.href)}), clock: systemClock, name: 'odd', size: 2, memory: 64, queue: 10 });
    console.log(await pool.run({ input: () => (${JSON.stringify(job)}), cpu: 5000, wall: 30000 }));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 30_000, env: { ...process.env, ...env } });
  return stdout;
}
