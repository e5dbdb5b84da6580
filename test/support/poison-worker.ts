/** A judging worker that some evidence breaks: what `POISON` says is done when a candidate of that name is judged. */
import { workerData } from 'node:worker_threads';
import { serveJobs } from '../../src/base/worker-host.ts';
import { createJudgeHost } from '../../src/verification/worker/judge-host.ts';
import type { WorkerInput, WorkerSettings } from '../../src/verification/worker/protocol.ts';

/** By the beginning of an image's path. */
const POISON: Readonly<Record<string, () => unknown>> = {
  loop: () => {
    for (;;);
  },
  eat: () => {
    const eaten: object[] = [];
    for (;;) eaten.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
  },
  exit: () => process.exit(1),
  throw: () => {
    throw new Error('a defect');
  },
};

const judge = createJudgeHost((workerData as WorkerSettings).limits);

serveJobs<WorkerInput, unknown>((input, ask) => {
  const poison = input.kind === 'judge' ? POISON[input.image.path.split('/')[0] ?? ''] : undefined;
  return poison?.() ?? judge(input, ask);
});
