import { executionSpaceName } from '../../src/karmada/names.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import type { Resource } from '../../src/kube/object.ts';
import { inParallel } from './bulk.ts';
import { putStored } from './etcd.ts';
import type { Any } from './installation.ts';
import type { KarmadaApi } from './karmada-api.ts';
import { eventually } from './operator.ts';
import { bindingObject, clusterObject, type FleetShape, overridePolicyObject, propagationPolicyObject, storedWork, type Template, templateObject, templatesOf, workObject } from './propagated-objects.ts';

/** A fleet in the API server as Karmada would have propagated it. */
export interface PropagatedFleet {
  readonly shape: FleetShape;
  readonly templates: readonly Template[];
  /** Writes the Works of these clusters, of all templates, as the API server would have stored them. */
  writeWorks(clusters: readonly string[]): Promise<void>;
  /** Has every Work of these templates told something about its status, and rendered again without another outcome. */
  stir(templates: readonly Template[]): Promise<void>;
  /** Gives templates another image, and then tells all clusters, as Karmada does: a binding, then a Work after the other. */
  roll(templates: readonly Template[], image: (template: Template) => string): Promise<void>;
  /** Edits PropagationPolicies by these templates, so that Karmada would look at all that they propagate. */
  editPolicies(templates: readonly Template[]): Promise<void>;
  close(): Promise<void>;
}

const WIDTH = 24;
/** Seconds in which the API server hears of what was put into its etcd. */
const PATIENCE = 60;

const resource = (group: string, version: string, kind: string, plural: string, namespaced = true): Resource => ({ group, version, kind, plural, namespaced });
const NAMESPACES = resource('', 'v1', 'Namespace', 'namespaces', false);
const DEPLOYMENTS = resource('apps', 'v1', 'Deployment', 'deployments');
const CLUSTERS = resource('cluster.karmada.io', 'v1alpha1', 'Cluster', 'clusters', false);
const POLICIES = resource('policy.karmada.io', 'v1alpha1', 'PropagationPolicy', 'propagationpolicies');
const OVERRIDES = resource('policy.karmada.io', 'v1alpha1', 'OverridePolicy', 'overridepolicies');
const BINDINGS = resource('work.karmada.io', 'v1alpha2', 'ResourceBinding', 'resourcebindings');
const WORKS = resource('work.karmada.io', 'v1alpha1', 'Work', 'works');

/** A template as the API server has it. */
interface Known {
  readonly template: Template;
  readonly uid: string;
  generation: number;
}

/** Writes everything of a fleet but its Works. */
export async function writeFleet(api: KarmadaApi, shape: FleetShape): Promise<PropagatedFleet> {
  const { client } = connect({ kubeconfig: api.unrecordedKubeconfig });
  const writer = new Writer(client, api.etcdUrl, shape);
  try {
    await writer.begin();
  } catch (error) {
    await client.close();
    throw error;
  }
  return writer;
}

class Writer implements PropagatedFleet {
  readonly shape: FleetShape;
  readonly templates: readonly Template[];
  readonly #client: KubeClient;
  readonly #etcdUrl: string;
  readonly #known = new Map<Template, Known>();
  #round = 0;

  constructor(client: KubeClient, etcdUrl: string, shape: FleetShape) {
    this.#client = client;
    this.#etcdUrl = etcdUrl;
    this.shape = shape;
    this.templates = templatesOf(shape);
  }

  async begin(): Promise<void> {
    const { clusters } = this.shape;
    const byPolicy = Map.groupBy(this.templates, ({ namespace, policy }) => `${namespace}/${policy}`);
    const byNamespace = Map.groupBy(this.templates.filter(({ overridden }) => overridden), ({ namespace }) => namespace);
    const namespaces = [...new Set(this.templates.map(({ namespace }) => namespace)), ...clusters.map(executionSpaceName)];
    await this.#create(NAMESPACES, namespaces.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })));
    await this.#create(CLUSTERS, clusters.map(clusterObject));
    await this.#create(POLICIES, [...byPolicy.values()].map((templates) => propagationPolicyObject(templates[0]?.policy ?? '', templates, clusters)));
    await this.#create(OVERRIDES, [...byNamespace].map(([namespace, templates]) => overridePolicyObject(namespace, templates, this.shape)));
    await inParallel(this.templates, WIDTH, async (template) => {
      const made: Any = await this.#client.create(DEPLOYMENTS, template.namespace, templateObject(template));
      this.#known.set(template, { template, uid: made.metadata.uid, generation: made.metadata.generation });
      await this.#client.create(BINDINGS, template.namespace, bindingObject(template, made.metadata, clusters));
    });
  }

  async writeWorks(clusters: readonly string[]): Promise<void> {
    await inParallel(clusters, 2, async (cluster) => {
      const works = Array.from(this.#known.values(), ({ template, ...known }) => storedWork(workObject(template, known, cluster, this.shape)));
      const resourceVersion = await putStored(this.#etcdUrl, 'work.karmada.io/works', works);
      // The API server has heard of them when it answers as of then from what it has in memory.
      await eventually('the API server', () => this.#client.list(WORKS, { namespace: executionSpaceName(cluster), resourceVersion, fieldSelector: 'metadata.name=none' }), undefined, PATIENCE);
    });
  }

  async stir(templates: readonly Template[]): Promise<void> {
    this.#round += 1;
    const status = { conditions: [{ type: 'Applied', status: 'True', reason: `Round${this.#round}`, message: 'Manifest has been successfully applied', lastTransitionTime: '2026-01-01T00:00:00Z' }] };
    await this.#works(templates, async (ref) => {
      await this.#client.patch(WORKS, ref, { type: 'merge', body: { status } }, { subresource: 'status' });
      await this.#client.patch(WORKS, ref, { type: 'merge', body: { metadata: { annotations: { 'example.dev/round': String(this.#round) } } } });
    });
  }

  async roll(templates: readonly Template[], image: (template: Template) => string): Promise<void> {
    await inParallel(templates, WIDTH, async (template) => {
      const operations = [{ op: 'replace', path: '/spec/template/spec/containers/0/image', value: image(template) }] as const;
      const made: Any = await this.#client.patch(DEPLOYMENTS, template, { type: 'json', operations });
      const known = this.#known.get(template);
      if (known !== undefined) known.generation = made.metadata.generation;
    });
    await this.#works(templates, async (ref, template, cluster) => {
      const { uid, generation } = this.#known.get(template) as Known;
      const { spec } = workObject({ ...template, images: [image(template), template.images[1]] }, { uid, generation }, cluster, this.shape);
      await this.#client.patch(WORKS, ref, { type: 'merge', body: { spec } });
    });
  }

  async editPolicies(templates: readonly Template[]): Promise<void> {
    this.#round += 1;
    const policies = [...Map.groupBy(templates, ({ policy }) => policy).values()].flatMap(([first]) => first ?? []);
    await inParallel(policies, WIDTH, ({ namespace, policy }) => this.#client.patch(POLICIES, { namespace, name: policy }, { type: 'merge', body: { spec: { priority: this.#round } } }));
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #create(kind: Resource, objects: readonly Any[]): Promise<void> {
    await inParallel(objects, WIDTH, (object) => this.#client.create(kind, object.metadata.namespace, object));
  }

  /** Template by template, and of each one cluster after the other: so Karmada's binding controller writes them. */
  async #works(templates: readonly Template[], work: (ref: { readonly namespace: string; readonly name: string }, template: Template, cluster: string) => Promise<void>): Promise<void> {
    await inParallel(templates, WIDTH, async (template) => {
      for (const cluster of this.shape.clusters) {
        const { metadata } = workObject(template, { uid: '', generation: 0 }, cluster, this.shape);
        await work({ namespace: metadata.namespace, name: metadata.name }, template, cluster);
      }
    });
  }
}
