/** What a pool says to a worker. */
export type ToWorker =
  | { readonly type: 'job'; readonly id: number; readonly input: unknown }
  | { readonly type: 'answer'; readonly id: number; readonly value: unknown };

/** What a worker says to its pool; `cpu` is the processor time of its thread until now, in milliseconds. */
export type FromWorker =
  | { readonly type: 'ready'; readonly cpu: number }
  | { readonly type: 'question'; readonly id: number; readonly question: unknown }
  | { readonly type: 'done'; readonly id: number; readonly cpu: number; readonly output: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly cpu: number; readonly message: string };

/** Milliseconds of what `cpuUsage` and its relatives tell. */
export function milliseconds({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / 1000;
}
