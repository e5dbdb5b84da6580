import type { DemoImages } from '../demo-images.ts';
import type { CastMember } from './cast.ts';

/** An object of the Kubernetes API, as kubectl takes it. */
export type Manifest = Readonly<Record<string, unknown>>;

/** The policies of the demo, by namespace. */
export const POLICIES = { shop: 'release-workflow', billing: 'release-key' } as const;

/** What the policies refer to: the trust root of the private Sigstore and the public key. */
export function references({ keyPem, trustedRootJson }: DemoImages): Manifest[] {
  return [
    ...Object.keys(POLICIES).map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'shop', name: 'our-sigstore' }, data: { 'trusted_root.json': trustedRootJson } },
    { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'billing', name: 'release-pub' }, stringData: { 'cosign.pub': keyPem } },
  ];
}

/** Who must have signed what. */
export function policies({ globs, identity }: DemoImages): Manifest[] {
  const { issuer, subjectRegExp } = identity;
  return [
    policy('shop', globs.keyless, {
      name: 'release-workflow',
      keyless: { identities: [{ issuer, subjectRegExp }], trustRootRef: { kind: 'ConfigMap', name: 'our-sigstore' } },
    }),
    policy('billing', globs.keyed, { name: 'release-key', key: { secretRef: { name: 'release-pub', key: 'cosign.pub' } } }),
  ];
}

function policy(namespace: keyof typeof POLICIES, glob: string, authority: Manifest): Manifest {
  return {
    apiVersion: 'assay.dev/v1alpha1',
    kind: 'ImageVerification',
    metadata: { namespace, name: POLICIES[namespace] },
    spec: { images: [{ glob }], authorities: [authority] },
  };
}

/** A Deployment as a team would apply it: by tag. */
export function deployment({ namespace, name, containers }: CastMember, { images }: DemoImages): Manifest {
  const of = (init: boolean): Manifest[] =>
    containers.filter((container) => (container.init ?? false) === init).map((container) => ({ name: container.name, image: images[container.part].reference }));
  return deploymentOf(namespace, name, { initContainers: of(true), containers: of(false) });
}

/** A Deployment with this pod template. */
export function deploymentOf(namespace: string, name: string, podSpec: Manifest): Manifest {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name, labels },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec } },
  };
}

/** Several objects as one, for one call of kubectl. */
export function list(items: readonly Manifest[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}
