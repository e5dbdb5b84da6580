import type { Reason, Result, WorkloadState } from '../api/reasons.ts';
import type { RequestKind } from '../registry/types.ts';
import type { Priority } from '../runtime/work-queue.ts';
import type { Instruments } from './instruments.ts';

/** The closed lists that labels are taken from. */
export interface Vocabulary {
  readonly results: readonly Result[];
  readonly reasons: readonly Reason[];
  readonly workloadStates: readonly WorkloadState[];
  readonly requestKinds: readonly RequestKind[];
  readonly priorities: readonly Priority[];
  /** How a judgement can be ended. */
  readonly overruns: readonly string[];
  /** Plural names of the resources that are watched. */
  readonly resources: readonly string[];
  /** `host:port` of the API server. */
  readonly apiServer: string;
}

/** `requeue` is never counted here; controller-runtime's dashboards ask for it. */
export const RECONCILE_RESULTS = ['success', 'error', 'requeue', 'requeue_after'] as const;

/** How a digest is written (api.md, `pin.mode`). */
export const PIN_MODES = ['Patch'] as const;
export type PinMode = (typeof PIN_MODES)[number];

/** What became of a patch: written, lost against a concurrent edit, not permitted, refused by the API server, not answered. */
export const PIN_RESULTS = ['pinned', 'conflict', 'forbidden', 'rejected', 'error'] as const;
export type PinResult = (typeof PIN_RESULTS)[number];

/** Methods and verbs of the requests that Assay sends to an API server. */
const METHODS = ['GET', 'PATCH', 'POST'];
const VERBS = ['get', 'list', 'watch', 'patch', 'create'];

/** What a thread that judges does. */
export const JUDGE_STATES = ['busy', 'idle'] as const;

/** The result of what no policy governs. */
export const UNMATCHED = 'Unmatched';

/** How a list ended. */
export const LIST_RESULTS = ['ok', 'error'] as const;

const CODES = [
  200, 201, 202, 204, 206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409, 410, 413, 415, 416, 422, 429, 500,
  502, 503, 504,
];
/** client-go's word for a request that got no answer. */
const NO_ANSWER = '<error>';
const UNCOMMON = 'other';
const CODE_LABELS: ReadonlySet<string> = new Set([...CODES.map(String), NO_ANSWER, UNCOMMON]);

/** The label for a status code: a server can answer anything, a label must not. A word in its place says that none came. */
export function codeLabel(code: number | string | undefined): string {
  const label = String(code);
  if (!/^\d+$/.test(label)) return NO_ANSWER;
  return CODE_LABELS.has(label) ? label : UNCOMMON;
}

/** Every pair that can be: which reasons fail and which leave unknown is the judge's business. */
export function outcomes(vocabulary: Vocabulary): { readonly result: Result; readonly reason: Reason }[] {
  const settled: Partial<Record<Reason, Result>> = {
    SignatureValid: 'Verified',
    Excluded: 'Excluded',
    StaticPass: 'Static',
    StaticFail: 'Failed',
  };
  return vocabulary.reasons.flatMap((reason) => {
    const result = settled[reason];
    const results: readonly Result[] = result === undefined ? ['Failed', 'Unknown'] : [result];
    return results.filter((name) => vocabulary.results.includes(name)).map((name) => ({ result: name, reason }));
  });
}

/** Sets every series that does not belong to one controller to 0. */
export function initialise(instruments: Instruments, vocabulary: Vocabulary): void {
  const { client, watch, verifications, pins, workloads, images, registryRequests, overruns, judges, unjudged, unmatched, karmada } = instruments;
  for (const labels of outcomes(vocabulary)) {
    verifications.inc(labels, 0);
    images.set(labels, 0);
  }
  for (const code of vocabulary.overruns) overruns.inc({ code }, 0);
  for (const state of JUDGE_STATES) judges.set({ state }, 0);
  unjudged.set(0);
  unmatched.set(0);
  karmada.dropped.set(0);
  karmada.differences.inc(0);
  for (const state of vocabulary.workloadStates) karmada.templates.set({ state }, 0);
  for (const result of [...vocabulary.results, UNMATCHED]) karmada.works.set({ result }, 0);
  for (const mode of PIN_MODES) for (const result of PIN_RESULTS) pins.inc({ mode, result }, 0);
  for (const state of vocabulary.workloadStates) workloads.set({ state }, 0);
  for (const kind of vocabulary.requestKinds) for (const code of CODE_LABELS) registryRequests.inc({ kind, code }, 0);
  const host = vocabulary.apiServer;
  for (const method of METHODS) for (const code of CODE_LABELS) client.requests.inc({ code, method, host }, 0);
  for (const verb of VERBS) client.seconds.zero({ verb, host });
  for (const resource of vocabulary.resources) {
    watch.ends.inc({ resource }, 0);
    for (const result of LIST_RESULTS) watch.lists.inc({ resource, result }, 0);
    watch.failing.set({ resource }, 0);
    watch.objects.set({ resource }, 0);
    watch.synced.set({ resource }, 0);
  }
}
