import type { PodImage } from '../../../src/api/pod-images.ts';
import type { Digest } from '../../../src/base/digest.ts';
import type { ImageOutcome } from '../../../src/controllers/outcome.ts';
import type { WorkloadObject } from '../../../src/controllers/workload-object.ts';
import type { PolicyKey, PolicyVerdict } from '../../../src/verification/types.ts';

export const D1: Digest = `sha256:${'1'.repeat(64)}`;
export const D2: Digest = `sha256:${'2'.repeat(64)}`;
export const NOW = Date.parse('2026-11-22T12:00:00Z');
export const POLICY: PolicyKey = { kind: 'ImageVerification', namespace: 'web', name: 'release' };
export const OTHER: PolicyKey = { kind: 'ClusterImageVerification', name: 'fleet' };

/** The image field of container number `index` of a Deployment. */
export function field(image: string, index = 0, override: Partial<PodImage> = {}): PodImage {
  const pointer = `/spec/template/spec/containers/${index}`;
  return { holder: 'containers', name: `c${index}`, image, pointer: `${pointer}/image`, namePointer: `${pointer}/name`, ...override };
}

export function workload(images: readonly PodImage[], override: Partial<WorkloadObject> = {}): WorkloadObject {
  return {
    kind: 'Deployment',
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
