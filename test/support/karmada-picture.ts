import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '../../src/kube/connect.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { KubeObject, Resource } from '../../src/kube/object.ts';
import { manifestImages } from '../../src/api/object-images.ts';
import { workloadKind, WORKLOAD_KINDS } from '../../src/api/workload-kinds.ts';
import { projectBinding } from '../../src/karmada/project-binding.ts';
import { projectCluster } from '../../src/karmada/project-cluster.ts';
import { projectOverridePolicy, projectPropagationPolicy } from '../../src/karmada/project-policy.ts';
import { projectWork } from '../../src/karmada/project-work.ts';
import type { BindingObject, ClusterObject, ImagesOfManifest, OverridePolicyObject, PropagationPolicyObject, WorkObject } from '../../src/karmada/types.ts';
import type { Any } from './installation.ts';

const CUSTOM = ['StatefulSet', 'Rollout'].map((kind) => workloadKind({ group: 'predicted.example', versions: ['v1'], kind, plural: `${kind.toLowerCase()}s`, podSpecs: ['spec.template.spec'] }));
const KINDS = [...WORKLOAD_KINDS.filter(({ kind }) => kind !== 'ReplicationController'), ...CUSTOM];

/** The images of the kinds of the combinations. */
export const combinationImages: ImagesOfManifest = manifestImages(KINDS);

const resource = (group: string, version: string, kind: string, plural: string, namespaced = true): Resource => ({ group, version, kind, plural, namespaced });
const POLICY = (kind: string, plural: string, namespaced: boolean): Resource => resource('policy.karmada.io', 'v1alpha1', kind, plural, namespaced);
const POLICIES = [POLICY('PropagationPolicy', 'propagationpolicies', true), POLICY('ClusterPropagationPolicy', 'clusterpropagationpolicies', false)];
const OVERRIDES = [POLICY('OverridePolicy', 'overridepolicies', true), POLICY('ClusterOverridePolicy', 'clusteroverridepolicies', false)];
const WORK = resource('work.karmada.io', 'v1alpha1', 'Work', 'works');
const BINDING = resource('work.karmada.io', 'v1alpha2', 'ResourceBinding', 'resourcebindings');
const CLUSTER = resource('cluster.karmada.io', 'v1alpha1', 'Cluster', 'clusters', false);

/** The line that is written for each template and cluster. Events tell the same, but of many at once client-go drops some. */
const FAILURE = /"Failed to apply overrides for workload in cluster\." .*?workloadKind="(.*?)" workloadNamespace="(.*?)" workloadName="(.*?)" cluster="(.*?)"/;

/** What Karmada has of some namespaces. */
export interface KarmadaPicture {
  readonly templates: readonly Any[];
  readonly policies: readonly PropagationPolicyObject[];
  readonly overrides: readonly OverridePolicyObject[];
  readonly clusters: readonly ClusterObject[];
  readonly bindings: readonly BindingObject[];
  readonly works: readonly WorkObject[];
  /** `cluster/namespace/name` of a Work's template with the names of the override policies that Karmada noted on the Work. */
  readonly noted: ReadonlyMap<string, readonly string[]>;
  /** `kind/namespace/name cluster` of each template for which Karmada's controllers logged that its overrides failed. */
  readonly failures: ReadonlySet<string>;
}

/** Takes pictures of Karmada, and creates objects of the kinds on them. */
export class KarmadaCamera {
  readonly #client: KubeClient;
  readonly #log: string;

  /** `logs` is the directory of Karmada's logs. */
  constructor({ adminKubeconfig, logs }: { readonly adminKubeconfig: string; readonly logs: string }) {
    this.#client = connect({ kubeconfig: adminKubeconfig }).client;
    this.#log = join(logs, 'karmada-controller-manager.log');
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** Creates them, some at a time. */
  async create(objects: readonly Any[], width = 16): Promise<void> {
    const queue = objects.values();
    const known = [...KINDS.map((kind): Resource => kind), ...POLICIES, ...OVERRIDES];
    await Promise.all(Array.from({ length: width }, async () => {
      for (const object of queue) {
        const found = known.find(({ kind, group, version }) => object.kind === kind && object.apiVersion === (group === '' ? version : `${group}/${version}`));
        if (found === undefined) throw new Error(`no resource for ${object.apiVersion} ${object.kind}`);
        await this.#client.create(found, object.metadata.namespace, object);
      }
    }));
  }

  /** The clusters that serve a group, as Karmada knows. */
  async serving(groupVersion: string): Promise<readonly string[]> {
    const clusters = await this.#all(CLUSTER);
    return clusters.filter(({ status }) => status?.apiEnablements?.some((one: Any) => one.groupVersion === groupVersion)).map(({ metadata }) => metadata.name);
  }

  async take(namespaces: readonly string[], members: readonly string[]): Promise<KarmadaPicture> {
    const ours = (object: Any): boolean => object.metadata.namespace === undefined || namespaces.includes(object.metadata.namespace);
    const of = async (resources: readonly Resource[], selector?: string): Promise<Any[]> => (await Promise.all(resources.map((one) => this.#all(one, undefined, selector)))).flat().filter(ours);
    const [templates, policies, overrides, clusters, bindings, works] = await Promise.all([
      of(KINDS, 'combination'), of(POLICIES), of(OVERRIDES), this.#all(CLUSTER), of([BINDING]),
      Promise.all(members.map((member) => this.#all(WORK, `karmada-es-${member}`))).then((lists) => lists.flat()),
    ]);
    const own = works.filter(({ spec }) => namespaces.includes(spec.workload.manifests[0]?.metadata.namespace));
    return {
      templates,
      policies: policies.map((one) => projectPropagationPolicy(one as KubeObject)),
      overrides: overrides.map((one) => projectOverridePolicy(one as KubeObject)),
      clusters: clusters.filter(({ metadata }) => members.includes(metadata.name)).map((one) => projectCluster(one as KubeObject)),
      bindings: bindings.map((one) => projectBinding(one as KubeObject)),
      works: own.flatMap((one) => projectWork(one as KubeObject, combinationImages) ?? []),
      noted: new Map(own.map((one) => [keyOfWork(one), notedOn(one)])),
      failures: new Set(readFileSync(this.#log, 'utf8').split('\n').flatMap(failureOf)),
    };
  }

  async #all(of: Resource, namespace?: string, labelSelector?: string): Promise<Any[]> {
    const page = await this.#client.list<Any>(of, { ...(namespace === undefined ? {} : { namespace }), ...(labelSelector === undefined ? {} : { labelSelector }) });
    const apiVersion = of.group === '' ? of.version : `${of.group}/${of.version}`;
    return page.items.map((item) => ({ ...item, apiVersion, kind: of.kind }));
  }
}

function keyOfWork({ metadata, spec }: Any): string {
  const manifest = spec.workload.manifests[0].metadata;
  return `${metadata.namespace.slice('karmada-es-'.length)}/${manifest.namespace}/${manifest.name}`;
}

function notedOn({ metadata }: Any): readonly string[] {
  const named = (annotation: string): string[] => JSON.parse(metadata.annotations?.[annotation] ?? '[]').map(({ policyName }: { policyName: string }) => policyName);
  return [...new Set([...named('policy.karmada.io/applied-cluster-overrides'), ...named('policy.karmada.io/applied-overrides')])].toSorted();
}

function failureOf(line: string): string[] {
  const [, kind, namespace, name, cluster] = FAILURE.exec(line) ?? [];
  return cluster === undefined ? [] : [`${kind}/${namespace}/${name} ${cluster}`];
}
