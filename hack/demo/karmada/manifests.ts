import type { DemoImages, DemoPart } from '../../demo-images.ts';
import { deploymentOf, type Manifest } from '../manifests.ts';

/** One Deployment of the demo on Karmada: what it runs, and where it is sent. */
export interface Sent {
  readonly namespace: 'shop' | 'billing';
  readonly name: string;
  readonly part: DemoPart;
  /** The PropagationPolicy that sends it, of the same namespace. */
  readonly by: string;
  readonly to: readonly string[];
}

const [EVERYWHERE, EUROPE] = [['member1', 'member2'], ['member2']] as const;

/** What a team applies at first. */
export const SHOP: readonly Sent[] = [
  { namespace: 'shop', name: 'web', part: 'web', by: 'everywhere', to: EVERYWHERE },
  { namespace: 'shop', name: 'api', part: 'api', by: 'everywhere', to: EVERYWHERE },
  { namespace: 'shop', name: 'report', part: 'unsigned', by: 'europe', to: EUROPE },
];

/** What another team applies later: under its policy a pin keeps the tag. */
export const LEDGER: Sent = { namespace: 'billing', name: 'ledger', part: 'keyed', by: 'everywhere', to: EVERYWHERE };

/** The ClusterOverridePolicy that has one cluster pull from its own registry, and that cluster. */
export const MIRROR = { override: 'mirror', cluster: 'member2' } as const;

/** Who must have signed, for the whole fleet: names of ClusterImageVerifications. */
export const POLICIES = { shop: 'shop', billing: 'billing' } as const;

const API = 'policy.karmada.io/v1alpha1';

/** The policies, and what they refer to in the operator's namespace. */
export function policies(operatorNamespace: string, { globs, identity, trustedRootJson, keyPem }: DemoImages): Manifest[] {
  const { issuer, subjectRegExp } = identity;
  const metadata = (name: string): Manifest => ({ name, namespace: operatorNamespace });
  const keyless = { trustRootRef: { kind: 'ConfigMap', name: 'our-sigstore' }, identities: [{ issuer, subjectRegExp }] };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('our-sigstore'), data: { 'trusted_root.json': trustedRootJson } },
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata('release-pub'), stringData: { 'cosign.pub': keyPem } },
    verification(POLICIES.shop, { images: [{ glob: globs.keyless }], authorities: [{ name: 'release-workflow', keyless }] }),
    verification(POLICIES.billing, {
      images: [{ glob: globs.keyed }],
      authorities: [{ name: 'release-key', key: { secretRef: { name: 'release-pub' } } }],
      pin: { form: 'TagAndDigest' },
    }),
  ];
}

function verification(name: string, spec: Manifest): Manifest {
  return { apiVersion: 'assay.dev/v1alpha1', kind: 'ClusterImageVerification', metadata: { name }, spec };
}

/** Namespaces, which Karmada makes in all clusters, too. */
export function namespaces(names: readonly string[]): Manifest[] {
  return names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
}

/** Deployments as a team applies them, by tag, and the PropagationPolicies that send them. */
export function sent(cast: readonly Sent[], { images }: DemoImages): Manifest[] {
  const deployments = cast.map(({ namespace, name, part }) => deploymentOf(namespace, name, { containers: [{ name, image: images[part].reference }] }));
  const policyNames = [...new Set(cast.map(({ namespace, by }) => `${namespace}/${by}`))];
  return [...deployments, ...policyNames.map((id) => propagation(id, cast.filter(({ namespace, by }) => `${namespace}/${by}` === id)))];
}

function propagation(id: string, cast: readonly Sent[]): Manifest {
  const [namespace = '', name = ''] = id.split('/');
  const resourceSelectors = cast.map((one) => ({ apiVersion: 'apps/v1', kind: 'Deployment', name: one.name }));
  return { apiVersion: API, kind: 'PropagationPolicy', metadata: { namespace, name }, spec: { resourceSelectors, placement: { clusterAffinity: { clusterNames: cast[0]?.to ?? [] } } } };
}

/** Has one cluster pull everything from the registry at `host`. */
export function mirrored(host: string): Manifest {
  const overriders = { imageOverrider: [{ component: 'Registry', operator: 'replace', value: host }] };
  return {
    apiVersion: API,
    kind: 'ClusterOverridePolicy',
    metadata: { name: MIRROR.override },
    spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], overrideRules: [{ targetCluster: { clusterNames: [MIRROR.cluster] }, overriders }] },
  };
}
