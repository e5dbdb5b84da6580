import { Ledger, policyId, type WorkloadRecord } from '../../src/controllers/ledger.ts';
import type { Fleet } from '../../src/controllers/fleet.ts';
import { Pending } from '../../src/controllers/pending.ts';
import { isWorthWriting, policyStatus } from '../../src/controllers/policy-status.ts';
import { governanceChanged } from '../../src/controllers/triggers.ts';
import { systemClock } from '../../src/base/clock.ts';
import { keyOf } from '../../src/kube/store.ts';
import { WorkQueue } from '../../src/runtime/work-queue.ts';
import { D1, field, fleetInForce, NOW, OTHER, outcome, record, verdict, workload } from '../unit/controllers/builders.ts';

export const about = 'how long one fleet-wide policy keeps the event loop [WORKLOADS=10000]';

const IMAGES = 5000;

const imagesOf = (index: number): string[] => [0, 1].map((at) => `ghcr.io/acme/app${(index * 2 + at) % IMAGES}:1`);
const recordOf = (index: number, verifiedAt = NOW): WorkloadRecord =>
  record(
    imagesOf(index).map((image, at) => outcome(image, { field: field(image, at), digest: D1, pinned: true, verdicts: [verdict({ policy: OTHER, verifiedAt })] })),
    { name: `w${index}`, namespace: `ns${index % 200}` },
  );

function report(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(3);
  console.log(`${what.padEnd(58)} median ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`);
}

function timed(task: () => void): number {
  const started = performance.now();
  task();
  return performance.now() - started;
}

/** Prints how long each of the steps takes that are taken for every workload of the fleet, or for all of them at once. */
export async function run([count = '10000']: readonly string[]): Promise<number> {
  const workloads = Number(count);
  const state = fleetInForce();
  const indexes = Array.from({ length: workloads }, (_, index) => index);
  ledgerSteps(indexes, state);
  await govern(workloads, indexes, state);
  return 0;
}

function ledgerSteps(indexes: readonly number[], state: ReturnType<typeof fleetInForce>): void {
  const ledger = new Ledger();
  report('recording a workload', indexes.map((index) => timed(() => ledger.record(recordOf(index)))));
  report('recording one that was judged again', indexes.map((index) => timed(() => ledger.record(recordOf(index, NOW + 1)))));
  const status = (): ReturnType<typeof policyStatus> => policyStatus({ state, picture: ledger.picture(policyId(OTHER)), pending: 0, conditions: [], now: NOW });
  const before = status();
  report('a status', Array.from({ length: 20 }, () => timed(status)));
  report('whether it is worth writing', Array.from({ length: 20 }, () => timed(() => isWorthWriting(before, status()))));
  report('a scrape', Array.from({ length: 20 }, () => timed(() => [ledger.imagesByResult(), ledger.workloadsByState()])));
}

async function govern(workloads: number, indexes: readonly number[], state: ReturnType<typeof fleetInForce>): Promise<void> {
  const clock = { ...systemClock, after: (_: number, task: () => void) => (setImmediate(() => slices.push(timed(task))), { cancel: () => undefined }) };
  const slices: number[] = [];
  const objects = new Map(indexes.map((index) => workload(imagesOf(index).map((image, at) => field(image, at)), { name: `w${index}`, namespace: `ns${index % 200}` })).map((one) => [keyOf(one), one]));
  const workloadQueue = new WorkQueue({ clock: systemClock });
  const dependencies = {
    // Only what is asked of a fleet here.
    fleet: { allWorkloads: () => objects.values(), namespaceLabels: () => ({}) } as unknown as Fleet,
    pending: new Pending(),
    policyQueue: new WorkQueue({ clock: systemClock }),
    workloadQueue,
    clock,
  };
  for (let round = 0; round < 5; round += 1) {
    slices.push(timed(() => governanceChanged(dependencies, undefined, state)));
    while (dependencies.pending.count(policyId(OTHER)) !== workloads || workloadQueue.size < workloads) await new Promise((resolve) => setImmediate(resolve));
  }
  report('a slice of looking for what a policy governs', slices);
}
