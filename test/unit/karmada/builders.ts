import { manifestImages } from '../../../src/api/object-images.ts';
import { WORKLOAD_KINDS } from '../../../src/api/workload-kinds.ts';
import type { KubeObject, ObjectMeta } from '../../../src/kube/object.ts';
import { projectCluster } from '../../../src/karmada/project-cluster.ts';
import { projectOverridePolicy, projectPropagationPolicy } from '../../../src/karmada/project-policy.ts';
import type { ClusterObject, ImagesOfManifest, OverridePolicyObject, PropagationPolicyObject } from '../../../src/karmada/types.ts';

/** `sha256:` and 64 times this digit. */
export const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

/** The images of the kinds that every build watches. */
export const imagesOfManifest: ImagesOfManifest = manifestImages(WORKLOAD_KINDS);

/** A plain Kubernetes object. */
export type Plain = KubeObject & { readonly spec?: unknown };

/** A Deployment `team/web` with these containers. */
export function deployment(podSpec: unknown, metadata: Partial<ObjectMeta> = {}): Plain {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: 'team', name: 'web', uid: 'u1', generation: 1, labels: { app: 'web' }, ...metadata },
    spec: { template: { spec: podSpec } },
  };
}

/** A pod spec with one container of this image. */
export const running = (image: string): unknown => ({ containers: [{ name: 'app', image }] });

/** What means every Deployment. */
export const DEPLOYMENTS = { apiVersion: 'apps/v1', kind: 'Deployment' };

/** A PropagationPolicy, or a ClusterPropagationPolicy for the namespace `''`. */
export function policy(namespace: string, name: string, spec: object = {}, metadata: Partial<ObjectMeta> = {}): PropagationPolicyObject {
  const label = `${namespace === '' ? 'cluster' : ''}propagationpolicy.karmada.io/permanent-id`;
  return projectPropagationPolicy({
    metadata: { ...(namespace === '' ? {} : { namespace }), name, labels: { [label]: `id-${name}` }, ...metadata },
    spec: { resourceSelectors: [DEPLOYMENTS], ...spec },
  } as KubeObject);
}

/** An override policy with one rule for all clusters; a ClusterOverridePolicy for the namespace `''`. */
export function override(namespace: string, name: string, overriders: object, spec: object = {}): OverridePolicyObject {
  const metadata = { ...(namespace === '' ? {} : { namespace }), name };
  return projectOverridePolicy({ metadata, spec: { overrideRules: [{ overriders }], ...spec } } as KubeObject);
}

/** A member cluster. */
export function cluster(name: string, spec: object = {}, labels: Readonly<Record<string, string>> = {}): ClusterObject {
  return projectCluster({ metadata: { name, labels }, spec } as KubeObject);
}
