import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { deploymentOf, type Manifest } from './manifests.ts';

/** A genuine public image that somebody signed with the public-good Sigstore. */
export interface PublicImage {
  /** `ghcr.io/…/…@sha256:…`, where it was published. */
  readonly reference: string;
  readonly issuer: string;
  readonly subject: string;
}

/** Genuine public images, served on loopback as they were served in public. */
export interface PublicImages {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly images: readonly PublicImage[];
  readonly policy: Manifest;
  readonly deployments: readonly Manifest[];
}

interface Case {
  readonly kind: string;
  readonly ref: string;
  readonly args: readonly string[];
  readonly expect: { readonly exit: number };
}

interface Replay {
  readonly loadRegistry: (path: string) => unknown;
  readonly startRegistry: (files: unknown) => Promise<{ readonly port: number }>;
}

/** The policy and the namespace of the public images. */
export const PUBLIC = { policy: 'public-good', namespace: 'public' } as const;

/** Serves genuine images from the folder with shared vectors beside the repository; undefined where there is none. The server ends with this process. */
export async function publicImages(root: string): Promise<PublicImages | undefined> {
  const shared = join(root, '..', 'shared');
  const [corpus, tool] = [join(shared, 'corpus', 'signatures'), join(shared, 'tools', 'replay-registry.mjs')];
  if (!existsSync(join(corpus, 'registry.tar')) || !existsSync(tool)) return undefined;
  const images = chosen(readFileSync(join(corpus, 'cases.jsonl'), 'utf8'));
  if (images.length === 0) return undefined;
  const { loadRegistry, startRegistry } = (await import(pathToFileURL(tool).href)) as Replay;
  const { port } = await startRegistry(loadRegistry(join(corpus, 'registry.tar')));
  const host = `127.0.0.1:${port}`;
  const names = images.map(({ reference }) => `${host}/${reference}`);
  return { host, images, policy: policyOf(host, images), deployments: names.map((name) => deploymentOf(PUBLIC.namespace, shortName(name), { containers: [{ name: 'main', image: name }] })) };
}

/** One image of each form of signature that cosign accepts with nothing but the public-good root and one identity. */
function chosen(lines: string): PublicImage[] {
  const cases = lines.split('\n').filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Case);
  return ['legacy-keyless', 'bundle-keyless'].flatMap((kind) => {
    const found = cases.find((one) => one.kind === kind && one.expect.exit === 0 && /^[^/]+\.[^/]+\/(?!.*\/x\/).+@sha256:/.test(one.ref) && identityOf(one.args) !== undefined);
    const identity = identityOf(found?.args ?? []);
    return found === undefined || identity === undefined ? [] : [{ reference: found.ref, ...identity }];
  });
}

function identityOf(args: readonly string[]): { issuer: string; subject: string } | undefined {
  const options = { 'trusted-root': { type: 'string' }, 'certificate-identity': { type: 'string' }, 'certificate-oidc-issuer': { type: 'string' } } as const;
  try {
    const { values } = parseArgs({ args: [...args], options });
    const { 'certificate-identity': subject, 'certificate-oidc-issuer': issuer } = values;
    return values['trusted-root'] === 'trust/public-good.json' && subject !== undefined && issuer !== undefined ? { issuer, subject } : undefined;
  } catch {
    // A case with other flags shows something else.
    return undefined;
  }
}

/** No trust root is named: the operator's own counts, which is the public-good one. */
function policyOf(host: string, images: readonly PublicImage[]): Manifest {
  return {
    apiVersion: 'assay.dev/v1alpha1',
    kind: 'ClusterImageVerification',
    metadata: { name: PUBLIC.policy },
    spec: {
      images: images.map(({ reference }) => ({ glob: `${host}/${reference.replace(/@.*$/, '')}` })),
      authorities: [{ name: 'their-workflows', keyless: { identities: images.map(({ issuer, subject }) => ({ issuer, subject })) } }],
    },
  };
}

function shortName(reference: string): string {
  return /([^/]+)@/.exec(reference)?.[1]?.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-') ?? 'image';
}
