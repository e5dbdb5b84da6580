import { type Cluster, cluster as theCluster } from './cluster.ts';
import { applyCrds } from './crds.ts';
import { type Any, get, list } from './installation.ts';
import { eventually, type Operator, type OperatorOptions, startOperator } from './operator.ts';
import { operatorKubeconfig } from './rbac.ts';
import { type Registry, startRegistry } from './registry.ts';
import { createWorld, type World } from './sigstore/world.ts';

/** A cluster, a registry, a private Sigstore and a namespace of one test file's own. */
export interface Scene {
  readonly cluster: Cluster;
  readonly registry: Registry;
  readonly world: World;
  readonly namespace: string;
  /** The operator, with the rights of config/rbac alone, and restricted to the namespace, so that files do not get into each other's way. */
  start(options?: Partial<OperatorOptions>): Promise<Operator>;
  image(name: string, index?: number): Promise<string>;
  policy(name: string): Promise<Any>;
  /** Waits until a Deployment's first image is a digest. */
  pinned(name: string): Promise<string>;
  /** Waits until the policy says this of an image whose reference contains `part`; returns the row. */
  row(policy: string, part: string, reason: string): Promise<Any>;
  /** Waits until the condition has this status and, where given, this reason. */
  condition(policy: string, type: string, status: string, reason?: string): Promise<Any>;
  /** Events of the namespace about one object. */
  events(kind: string, name: string): Promise<Any[]>;
  stop(): Promise<void>;
}

/** Sets the scene, on the cluster of this test run unless another is given; the operator is not started yet. */
export async function setScene(prefix: string, on?: Cluster): Promise<Scene> {
  const [cluster, registry] = await Promise.all([on ?? theCluster(), startRegistry()]);
  await applyCrds(cluster);
  const namespace = await cluster.namespace(prefix);
  const operators: Operator[] = [];
  const policy = (name: string): Promise<Any> => get(cluster, namespace, 'iv', name);
  const image = async (name: string, index = 0): Promise<string> => (await get(cluster, namespace, 'deployment', name)).spec.template.spec.containers[index].image;
  const tail = (): string => operators.map((operator) => operator.process.tail(12)).join('\n');
  return {
    cluster,
    registry,
    world: createWorld(),
    namespace,
    image,
    policy,
    async start(options = {}) {
      const args = [`--namespace=${namespace}`, '--log-level=debug', ...(options.args ?? [])];
      const operator = await startOperator({ kubeconfig: options.kubeconfig ?? await operatorKubeconfig(cluster), registries: [registry.host], ...options, args });
      operators.push(operator);
      return operator;
    },
    pinned: (name) => eventually(`the pin of ${name}`, async () => ((await image(name)).includes('@sha256:') ? image(name) : undefined), tail),
    row: (name, part, reason) =>
      eventually(`${reason} of ${part} in ${name}`, async () => (await policy(name)).status?.images?.find((one: Any) => one.image.includes(part) && one.reason === reason), async () => JSON.stringify((await policy(name)).status)),
    condition: (name, type, status, reason) =>
      eventually(`${type}=${status}/${reason ?? '*'} of ${name}`, async () =>
        (await policy(name)).status?.conditions?.find((one: Any) => one.type === type && one.status === status && (reason === undefined || one.reason === reason)), async () => JSON.stringify((await policy(name)).status?.conditions)),
    events: async (kind, name) => (await list(cluster, namespace, 'events.events.k8s.io')).filter((event) => event.regarding.kind === kind && event.regarding.name === name),
    async stop() {
      await Promise.all(operators.filter((operator) => operator.process.running).map((operator) => operator.stop()));
      await registry.stop();
    },
  };
}
