import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { DemoImages } from '../demo-images.ts';
import type { CastMember } from './cast.ts';

/** An object of the Kubernetes API, as kubectl takes it. */
export type Manifest = Readonly<Record<string, unknown>>;

/** The samples that the demo's policies are made from, by the namespace that they are applied to. */
const SAMPLES = { shop: 'private-sigstore.yaml', billing: 'release-key.yaml' } as const;
/** The policies that are in these samples. */
export const POLICIES = { shop: 'internal', billing: 'release-key' } as const;

interface SampleObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly authorities: readonly { readonly keyless?: Manifest }[] };
}

/**
 * The policies of config/samples with their keys and trust roots, and with what only the demo knows: its registry, its identity, its key and
 * its private Sigstore. Throws where a sample has something that the demo cannot fill in.
 */
export function policies(root: string, demo: Pick<DemoImages, 'globs' | 'identity' | 'keyPem' | 'trustedRootJson'>): Manifest[] {
  return (Object.keys(SAMPLES) as (keyof typeof SAMPLES)[]).flatMap((namespace) => {
    const text = readFileSync(join(root, 'config', 'samples', SAMPLES[namespace]), 'utf8');
    const objects = parseAllDocuments(text).map((document) => filled(document.toJS() as SampleObject, namespace, demo));
    return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, ...objects];
  });
}

function filled(sample: SampleObject, namespace: keyof typeof SAMPLES, demo: Parameters<typeof policies>[1]): Manifest {
  const object = { ...sample, metadata: { ...sample.metadata, namespace } };
  if (sample.kind === 'ConfigMap') return { ...object, data: { 'trusted_root.json': demo.trustedRootJson } };
  if (sample.kind === 'Secret') return { ...object, stringData: { 'cosign.pub': demo.keyPem } };
  if (sample.kind !== 'ImageVerification' || sample.metadata.name !== POLICIES[namespace]) {
    throw new Error(`config/samples/${SAMPLES[namespace]} has a ${sample.kind} ${sample.metadata.name}, which the demo does not know`);
  }
  const { issuer, subjectRegExp } = demo.identity;
  const authorities = sample.spec.authorities.map((authority) =>
    authority.keyless === undefined ? authority : { ...authority, keyless: { ...authority.keyless, identities: [{ issuer, subjectRegExp }] } },
  );
  const glob = namespace === 'shop' ? demo.globs.keyless : demo.globs.keyed;
  return { ...object, spec: { ...sample.spec, images: [{ glob }], authorities } };
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
