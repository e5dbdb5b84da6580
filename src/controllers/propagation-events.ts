import type { Reason } from '../api/reasons.ts';
import type { Clock } from '../base/clock.ts';
import type { Claim, ClaimingPolicy } from '../karmada/types.ts';
import type { EventInput, EventRecorder } from '../kube/events.ts';
import type { WorkloadRecord } from './ledger.ts';
import { type EffectiveImage, type ImageOutcome, judgedImages, summarize } from './outcome.ts';

export interface PropagationReporterOptions {
  readonly clock: Clock;
  readonly events: Pick<EventRecorder, 'record'>;
  /** The policy of Karmada as the cache has it. */
  readonly claimed: (claim: Claim) => ClaimingPolicy | undefined;
}

interface Failure {
  readonly reason: Reason;
  readonly sentence: string;
}

/** What one policy of Karmada propagates that failed. */
interface Report {
  readonly claim: Claim;
  readonly failures: Map<string, Failure>;
  told: string;
  toldAt: number;
  waiting: boolean;
}

// What fails together is told together, and a fleet that is judged for the first time does not use up what one object may be told.
const GATHERING = 1000;
const INTERVAL = 30_000;
const MAX_NAMED = 3;

/** Tells policies of Karmada what they propagate that does not verify: an event each time that this is something else, not at each look. */
export class PropagationReporter {
  readonly #options: PropagationReporterOptions;
  readonly #reports = new Map<string, Report>();
  /** By workload: under which policy it counts. */
  readonly #claims = new Map<string, string>();

  constructor(options: PropagationReporterOptions) {
    this.#options = options;
  }

  /** A workload was judged, or (without a record) is gone. */
  onRecord(key: string, record: WorkloadRecord | undefined): void {
    const claim = record?.claim;
    const failure = record === undefined ? undefined : failureOf(record);
    const before = this.#claims.get(key);
    const after = claim === undefined || failure === undefined ? undefined : `${claim.kind}/${claim.namespace}/${claim.name}`;
    if (before !== undefined && before !== after) this.#leave(before, key);
    if (after === undefined || claim === undefined || failure === undefined) return;
    const report = this.#reports.get(after) ?? { claim, failures: new Map<string, Failure>(), told: '', toldAt: -Infinity, waiting: false };
    this.#reports.set(after, report);
    this.#claims.set(key, after);
    if (report.failures.get(key)?.sentence === failure.sentence) return;
    report.failures.set(key, failure);
    this.#plan(report);
  }

  #leave(id: string, key: string): void {
    this.#claims.delete(key);
    const report = this.#reports.get(id);
    report?.failures.delete(key);
    if (report?.failures.size === 0 && !report.waiting) this.#reports.delete(id);
  }

  #plan(report: Report): void {
    if (report.waiting) return;
    report.waiting = true;
    const { clock } = this.#options;
    clock.after(Math.max(GATHERING, report.toldAt + INTERVAL - clock.now()), () => this.#tell(report));
  }

  #tell(report: Report): void {
    const { clock, events, claimed } = this.#options;
    const { claim, failures } = report;
    report.waiting = false;
    const policy = claimed(claim);
    const sorted = [...failures].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, failure]) => failure);
    const told = `${policy?.uid ?? ''} ${sorted.map(({ sentence }) => sentence).join(' ')}`;
    if (failures.size === 0) this.#reports.delete(`${claim.kind}/${claim.namespace}/${claim.name}`);
    if (policy === undefined || failures.size === 0 || told === report.told) return;
    report.told = told;
    report.toldAt = clock.now();
    events.record(eventAbout(policy, sorted));
  }
}

function eventAbout({ kind, namespace, name, uid }: ClaimingPolicy, failures: readonly Failure[]): EventInput {
  const named = failures.slice(0, MAX_NAMED).map(({ sentence }) => sentence);
  const more = failures.length > MAX_NAMED ? `; and ${failures.length - MAX_NAMED} more` : '';
  const [reason, ...others] = new Set(failures.map((failure) => failure.reason));
  const what = failures.length === 1 ? '1 template that it propagates does' : `${failures.length} templates that it propagates do`;
  return {
    type: 'Warning',
    reason: reason === undefined || others.length > 0 ? 'SomeFailed' : reason,
    action: 'Verify',
    note: `${what} not verify: ${named.join('; ')}${more}. The events of each say what to do`,
    regarding: { apiVersion: 'policy.karmada.io/v1alpha1', kind, name, ...(namespace === '' ? {} : { namespace }), ...(uid === '' ? {} : { uid }) },
  };
}

/** The first image that failed, with where it runs. */
function failureOf(record: WorkloadRecord): Failure | undefined {
  for (const image of judgedImages(record)) {
    const summary = summarize(image);
    if (summary === undefined || (summary.result !== 'Failed' && summary.reason !== 'StaticFail')) continue;
    return { reason: summary.reason, sentence: `${record.kind} ${record.namespace}/${record.name} has ${image.field.image}${where(image)} (${summary.reason})` };
  }
  return undefined;
}

/** Only what an override made of an image is in some clusters alone. */
function where(image: ImageOutcome | EffectiveImage): string {
  if (!('own' in image) || image.clusters === undefined) return '';
  const more = image.clusters.length > MAX_NAMED ? ` and ${image.clusters.length - MAX_NAMED} more` : '';
  return ` in ${image.clusters.slice(0, MAX_NAMED).join(', ')}${more}`;
}
