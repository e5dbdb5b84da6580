import type { PodImage } from '../../../src/api/pod-images.ts';
import type { Digest } from '../../../src/base/digest.ts';
import type { WorkloadRecord } from '../../../src/controllers/ledger.ts';
import { type ImageOutcome, stateOf } from '../../../src/controllers/outcome.ts';
import type { CompiledState, PolicyState, SettledState } from '../../../src/controllers/policy-set.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import type { Resource } from '../../../src/kube/object.ts';
import type { CompiledPolicy } from '../../../src/verification/policy/compiled-policy.ts';
import type { PolicyKey, PolicyVerdict } from '../../../src/verification/types.ts';
import { type PolicyOptions, policy } from '../../support/builders.ts';
import { compiled } from '../../support/compile.ts';

export const D1: Digest = `sha256:${'1'.repeat(64)}`;
export const D2: Digest = `sha256:${'2'.repeat(64)}`;
export const NOW = Date.parse('2026-11-22T12:00:00Z');
export const POLICY: PolicyKey = { kind: 'ImageVerification', namespace: 'web', name: 'release' };
export const OTHER: PolicyKey = { kind: 'ClusterImageVerification', name: 'fleet' };

export const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };

/** The image field of container number `index` of a Deployment. */
export function field(image: string, index = 0, override: Partial<PodImage> = {}): PodImage {
  const pointer = `/spec/template/spec/containers/${index}`;
  return { holder: 'containers', name: `c${index}`, image, pointer: `${pointer}/image`, namePointer: `${pointer}/name`, ...override };
}

export function workload(images: readonly PodImage[], override: Partial<WorkloadObject> = {}): WorkloadObject {
  return {
    kind: 'Deployment',
    resource: DEPLOYMENTS,
    namespace: 'web',
    name: 'api',
    resourceVersion: '10',
    uid: 'u1',
    labels: {},
    images,
    pullSecrets: [],
    serviceAccount: 'default',
    hasAnnotations: true,
    deleting: false,
    specHash: 'spec1',
    ...override,
  };
}

export function verdict(override: Partial<PolicyVerdict> = {}): PolicyVerdict {
  return { policy: POLICY, result: 'Verified', reason: 'SignatureValid', message: 'signed by release', verifiedAt: NOW, ...override };
}

export const failed = (override: Partial<PolicyVerdict> = {}): PolicyVerdict =>
  verdict({ result: 'Failed', reason: 'NoSignature', message: 'no signature; sign it', ...override });

export function outcome(image: string, override: Partial<ImageOutcome> = {}): ImageOutcome {
  const at = override.field ?? field(image);
  return { field: at, name: 'docker.io/library/app', digest: D1, pinned: image.endsWith(D1), verdicts: [verdict()], ...override };
}

/** What the ledger has of a Deployment; `images` decide its state. */
export function record(images: readonly ImageOutcome[], override: Partial<WorkloadRecord> = {}): WorkloadRecord {
  const { kind = 'Deployment', namespace = 'web', name = 'api' } = override;
  return { key: `${kind}/${namespace}/${name}`, uid: 'u1', kind, namespace, name, state: stateOf(images), images, ...override };
}

/** The policy {@link POLICY} over `ghcr.io/acme/**`, compiled, with these fields of its spec changed. */
export function inForce(changes: Record<string, unknown> = {}, options: PolicyOptions = {}): CompiledState {
  return { status: 'compiled', ...identityOf(compiled(policy(changes, options))), notes: [], requestedAt: '' };
}

/** The cluster-wide policy {@link OTHER} over the same images, compiled. */
export function fleetInForce(changes: Record<string, unknown> = {}, options: PolicyOptions = {}): CompiledState {
  return inForce(changes, { kind: 'ClusterImageVerification', name: 'fleet', ...options });
}

function identityOf(from: CompiledPolicy): Pick<CompiledState, 'key' | 'uid' | 'generation' | 'hash' | 'policy'> {
  return { key: from.key, uid: from.uid, generation: from.generation, hash: from.hash, policy: from };
}

/** {@link POLICY} with a field that keeps it from being in force. */
export function refusedState(reason: 'PolicyInvalid' | 'ReferenceMissing' = 'PolicyInvalid', options: PolicyOptions = {}): SettledState & { readonly status: 'refused' } {
  const { key, uid, generation, policy: scope } = inForce({}, options);
  return { status: 'refused', key, uid, generation, hash: `refused ${reason}`, reason, field: 'spec.treshold', message: 'is not known; did you mean threshold?', scope };
}

/** {@link POLICY} while what it refers to is not read. */
export function pendingState(options: PolicyOptions = {}): PolicyState {
  const { key, uid, generation, policy: scope } = inForce({}, options);
  return { status: 'pending', key, uid, generation, hash: 'pending', scope };
}
