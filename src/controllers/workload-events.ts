import type { EventInput, EventSubject } from '../kube/events.ts';
import { apiVersionOf } from '../kube/object.ts';
import { keyOf } from '../kube/store.ts';
import type { PolicyKey, PolicyVerdict } from '../verification/types.ts';
import { policyId, recordedImage, type WorkloadRecord } from './ledger.ts';
import { type EffectiveImage, type ImageOutcome, judgedImages } from './outcome.ts';
import type { PinPlan } from './pin-plan.ts';
import type { WorkloadObject } from './workload-object.ts';

const MAX_NAMED = 3;

/** The event about a workload that was pinned. */
export function pinEvent(workload: WorkloadObject, { pins }: PinPlan): EventInput {
  const named = pins.slice(0, MAX_NAMED).map(({ from, to, digest, ref }) => (ref === undefined ? `${from} to ${digest}` : `${from} as ${to}, because an override drops a digest behind a tag`));
  const more = pins.length > MAX_NAMED ? ` and ${pins.length - MAX_NAMED} more` : '';
  return { type: 'Normal', reason: 'Pinned', action: 'Pin', note: `pinned ${named.join(', ')}${more}`, regarding: workloadSubject(workload) };
}

/** The event about a workload that is about to be pinned for the first time, though a reconciler manages it. */
export function managedEvent(workload: WorkloadObject, writer: string): EventInput {
  const note = `${writer} manages this workload and may put back the reference that is about to be pinned; if it does, pinning stops. Pin in its source with assay pin, or have it ignore the image`;
  return { type: 'Normal', reason: 'OtherManager', action: 'Pin', note, regarding: workloadSubject(workload) };
}

/**
 * A Warning on the workload and on the policy for each image that does not pass and did not fail in the same way before;
 * a Normal one on the workload when it passes again; and what keeps a workload from being pinned, when that is new.
 */
export function verdictEvents(
  workload: WorkloadObject,
  before: WorkloadRecord | undefined,
  after: WorkloadRecord,
  policyUid: (id: string) => string | undefined,
): EventInput[] {
  const regarding = workloadSubject(workload);
  const events = judgedImages(after).flatMap((image) =>
    image.verdicts.flatMap((verdict) => verdictEvent(verdict, image, regarding, knownVerdict(before, image, verdict), policySubject(verdict.policy, policyUid))));
  const { unpinned } = after;
  if (unpinned !== undefined && WORTH_TELLING.has(unpinned.reason) && before?.unpinned?.message !== unpinned.message) {
    events.push({ type: 'Warning', reason: unpinned.reason, action: 'Pin', note: unpinned.message, regarding });
  }
  for (const image of after.images) {
    const { moved } = image;
    if (moved === undefined || recordedImage(before, image.field)?.moved?.digest === moved.digest) continue;
    events.push({ type: 'Normal', reason: 'TagMoved', action: 'Verify', note: moved.message, regarding });
  }
  return events;
}

/** The others only repeat what the verdict said or the policy itself states (`NotPinned`), or are over in a second (`PatchConflict`). */
const WORTH_TELLING: ReadonlySet<string> = new Set(['PatchForbidden', 'NotPatchable', 'PinContested', 'PinConflict', 'DigestDroppedByOverride']);

function verdictEvent(
  verdict: PolicyVerdict,
  image: ImageOutcome,
  regarding: EventSubject,
  known: PolicyVerdict | undefined,
  policy: EventSubject,
): EventInput[] {
  const bad = verdict.result === 'Failed' || verdict.result === 'Unknown' || verdict.reason === 'StaticFail';
  if (known !== undefined && known.result === verdict.result && known.reason === verdict.reason) return [];
  const { reason } = verdict;
  if (bad) {
    const note = (discreet: boolean): string => `${image.field.image} (${image.field.name})${where(image, discreet)}: ${verdict.message}`;
    return [
      { type: 'Warning', reason, action: 'Verify', note: `${note(false)} [policy ${policyId(verdict.policy)}]`, regarding, related: policy },
      { type: 'Warning', reason, action: 'Verify', note: `${regarding.kind} ${keyOf(regarding)}: ${note(verdict.policy.namespace !== undefined)}`, regarding: policy, related: regarding },
    ];
  }
  if (known === undefined || known.result === 'Verified' || verdict.result !== 'Verified') return [];
  return [{ type: 'Normal', reason: 'Verified', action: 'Verify', note: `${image.field.image} (${image.field.name}) verified: ${verdict.message}`, regarding, related: policy }];
}

function knownVerdict(before: WorkloadRecord | undefined, { field }: ImageOutcome, { policy }: PolicyVerdict): PolicyVerdict | undefined {
  if (before === undefined) return undefined;
  const same = judgedImages(before).filter((image) => image.field.pointer === field.pointer && image.field.image === field.image);
  return same.flatMap(({ verdicts }) => verdicts).find((one) => policyId(one.policy) === policyId(policy));
}

/** Where an image runs that is not the template's own; a policy of one namespace is not told which clusters there are. */
function where(image: ImageOutcome | EffectiveImage, discreet: boolean): string {
  if (!('own' in image) || image.clusters === undefined) return '';
  const { clusters } = image;
  if (discreet) return ` in ${clusters.length} ${clusters.length === 1 ? 'cluster' : 'clusters'}`;
  return ` in ${clusters.slice(0, MAX_NAMED).join(', ')}${clusters.length > MAX_NAMED ? ` and ${clusters.length - MAX_NAMED} more` : ''}`;
}

/** A workload as the subject of events. */
export function workloadSubject(workload: WorkloadObject): EventSubject {
  const { resource, namespace, name, uid } = workload;
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, name, uid, ...(resource.namespaced ? { namespace } : {}) };
}

function policySubject(key: PolicyKey, uidOf: (id: string) => string | undefined): EventSubject {
  const uid = uidOf(policyId(key));
  return {
    apiVersion: 'assay.dev/v1alpha1',
    kind: key.kind,
    name: key.name,
    ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
    ...(uid === undefined ? {} : { uid }),
  };
}
