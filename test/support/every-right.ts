import { type KindEntry, workloadKind, WORKLOAD_KINDS } from '../../src/api/workload-kinds.ts';
import type { Cluster } from './cluster.ts';
import { objectWith } from './further-kinds.ts';
import { type Any, apply, deployment, get, keyedPolicy, list, run } from './installation.ts';
import { eventually, type Operator } from './operator.ts';
import type { PushedImage } from './sigstore/push.ts';
import type { createWorld } from './sigstore/world.ts';

type World = ReturnType<typeof createWorld>;

/** Where the operator is to use everything that it may do. */
export interface Stage {
  /** With our definitions, the namespace assay-system and `kinds`. */
  readonly cluster: Cluster;
  /** Of the registry. */
  readonly host: string;
  readonly world: World;
  /** What images are signed with, besides {@link SIGNER}. */
  readonly key: ReturnType<World['key']>;
  /** The kinds beside Kubernetes' own that are installed. */
  readonly kinds: readonly KindEntry[];
  /** Starts the operator over all namespaces. */
  start(): Promise<Operator>;
}

/** Who else must have signed what is to be verified. */
export const SIGNER = { subject: 'https://ci.example/release', issuer: 'https://issuer.example' } as const;

const labels = { app: 'all' };

/** One object of each kind that runs images, with this image. */
function everyKind(namespace: string, image: string, kinds: readonly KindEntry[]): Any[] {
  const pod = { containers: [{ name: 'c0', image }] };
  const template = { metadata: { labels }, spec: pod };
  const batch = { metadata: { labels }, spec: { ...pod, restartPolicy: 'Never' } };
  const selector = { matchLabels: labels };
  const specs: Readonly<Record<string, object>> = {
    Deployment: { selector, template },
    StatefulSet: { selector, serviceName: 'all', template },
    DaemonSet: { selector, template },
    ReplicaSet: { selector, template },
    CronJob: { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: batch } } },
    Job: { template: batch },
    Pod: pod,
    ReplicationController: { selector: labels, template },
  };
  const own = WORKLOAD_KINDS.map(({ group, version, kind }) => ({
    apiVersion: group === '' ? version : `${group}/${version}`,
    kind,
    metadata: { namespace, name: `kind-${kind.toLowerCase()}` },
    spec: specs[kind],
  }));
  return [...own, ...kinds.map((entry) => objectWith(entry, namespace, `kind-${entry.kind.toLowerCase()}`, image))];
}

/** Everything that the operator does, once: each kind pinned, a key, a trust root and a pull secret read, both policies' status and an event written, and one counted up. */
export async function playScenario(stage: Stage, namespace: string, signed: PushedImage, unsigned: PushedImage): Promise<void> {
  const { cluster, host, world, key, kinds } = stage;
  await apply(cluster,
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'release-pub' }, stringData: { 'cosign.pub': key.key.pem } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'assay-system', name: 'our-sigstore' }, data: { 'trusted_root.json': world.trustedRootJson } },
    { ...keyedPolicy(namespace, 'release', `${host}/acme/**`, ''), spec: { images: [{ glob: `${host}/acme/**` }], authorities: [{ name: 'release-key', key: { secretRef: { name: 'release-pub' } } }] } },
    {
      apiVersion: 'assay.dev/v1alpha1',
      kind: 'ClusterImageVerification',
      metadata: { name: 'fleet' },
      spec: {
        images: [{ glob: `${host}/acme/app` }],
        authorities: [{ name: 'ci', keyless: { trustRootRef: { kind: 'ConfigMap', name: 'our-sigstore' }, identities: [SIGNER] } }],
      },
    });
  const operator = await stage.start();
  const tail = (): string => operator.process.tail(8);
  await apply(cluster, ...everyKind(namespace, signed.reference, kinds), deployment(namespace, 'unsigned', [unsigned.reference]));
  const patchable = [...WORKLOAD_KINDS, ...kinds.map(workloadKind)].filter(({ patchable: fields }) => fields.length > 0);
  for (const { name, group, plural, kind } of patchable) {
    const resource = group === '' ? plural : `${plural}.${group}`;
    await eventually(`the pin of ${name}`, async () => JSON.stringify((await get(cluster, namespace, resource, `kind-${kind.toLowerCase()}`)).spec).includes(`@${signed.digest}`), tail);
  }
  await run(cluster, ['wait', '--for=condition=Ready', '--timeout=20s', 'civ/fleet']);
  await run(cluster, ['wait', '--for=condition=Ready', '--timeout=20s', '-n', namespace, 'iv/release']);
  await eventually('the event of the Job', () => event(cluster, namespace, 'Job', 'NotPatchable'), tail);
  await eventually('the event of what is not signed', () => event(cluster, namespace, 'Deployment', 'NoSignature'), tail);
  await failAgain(cluster, namespace, unsigned, tail);
  // A watch is in the audit log once it ended.
  await operator.stop();
}

const event = async (cluster: Cluster, namespace: string, kind: string, reason: string): Promise<Any> =>
  (await list(cluster, namespace, 'events.events.k8s.io')).find((one) => one.regarding.kind === kind && one.reason === reason);

/** What failed is excused and then not any more: the same event again. */
async function failAgain(cluster: Cluster, namespace: string, { reference }: PushedImage, tail: () => string): Promise<void> {
  const excluded = async (exclude: object[]): Promise<void> => {
    await run(cluster, ['patch', 'iv', 'release', '-n', namespace, '--type=merge', '-p', JSON.stringify({ spec: { exclude } })]);
  };
  await excluded([{ glob: reference.replace(/:[^:/]*$/, ''), reason: 'for a moment' }]);
  await eventually('the exclusion', async () => (await get(cluster, namespace, 'iv', 'release')).status.summary.excluded === 1);
  await excluded([]);
  await eventually('the count of the event', async () => (await event(cluster, namespace, 'Deployment', 'NoSignature')).series?.count === 2, tail);
}
