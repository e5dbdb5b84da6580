import { parentPort } from 'node:worker_threads';
import { messageOf } from './errors.ts';
import { milliseconds } from './worker-messages.ts';
import type { FromWorker, ToWorker } from './worker-messages.ts';

/** Does one job; `ask` gets from the pool what the job needs and the worker does not have. */
export type Handler<Input, Output> = (input: Input, ask: (question: unknown) => Promise<unknown>) => Promise<Output> | Output;

/** The processor time of this thread until now, in milliseconds: what a busy machine does not stretch. */
export function threadTime(): number {
  return milliseconds(process.threadCpuUsage());
}

/** Makes this thread a worker of a pool: it does one job after the other. Throws in a thread that nobody started as a worker. */
export function serveJobs<Input, Output>(handler: Handler<Input, Output>): void {
  const port = parentPort;
  if (port === null) throw new Error('this program is to be run as a worker thread');
  const say = (message: FromWorker): void => port.postMessage(message);
  let answered: ((value: unknown) => void) | undefined;
  const work = async (id: number, input: Input): Promise<void> => {
    try {
      const output = await handler(input, (question) => {
        say({ type: 'question', id, question });
        return new Promise((resolve) => {
          answered = resolve;
        });
      });
      say({ type: 'done', id, cpu: threadTime(), output });
    } catch (error) {
      say({ type: 'failed', id, cpu: threadTime(), message: messageOf(error) });
    }
  };
  port.on('message', (message: ToWorker) => {
    if (message.type === 'job') void work(message.id, message.input as Input);
    else answered?.(message.value);
  });
  say({ type: 'ready', cpu: threadTime() });
}
