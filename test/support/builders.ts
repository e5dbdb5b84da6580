import { generateKeyPairSync } from 'node:crypto';

/** A policy as the API server has it. */
export interface RawPolicy {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Record<string, unknown>;
  readonly spec: Record<string, unknown>;
}

/** What a test says of a policy's metadata; all of it has a default. */
export interface PolicyOptions {
  readonly kind?: 'ImageVerification' | 'ClusterImageVerification';
  readonly namespace?: string;
  readonly name?: string;
  readonly uid?: string;
  readonly generation?: number;
}

/** A new P-256 public key in PEM. */
export function newPublicKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** One public key in PEM, the same within a process. */
export const PUBLIC_KEY = newPublicKey();

/** The identity of {@link keylessAuthority}. */
export const IDENTITY = { issuer: 'https://token.actions.githubusercontent.com', subject: 'https://github.com/acme/web/.github/workflows/release.yml@refs/heads/main' };

/** An authority by {@link PUBLIC_KEY}, named `release`, with these fields changed. */
export function keyAuthority(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'release', key: { data: PUBLIC_KEY }, ...changes };
}

/** An authority by {@link IDENTITY}, named `ci`, with these fields changed. */
export function keylessAuthority(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'ci', keyless: { identities: [IDENTITY] }, ...changes };
}

/** An authority with a static answer, named `vendor`. */
export function staticAuthority(action: 'pass' | 'fail' = 'pass', changes: Record<string, unknown> = {}): Record<string, unknown> {
  return { name: 'vendor', static: { action, message: 'checked by the vendor' }, ...changes };
}

/** A policy over `ghcr.io/acme/**` by {@link keyAuthority}, with these fields of its spec changed; `undefined` removes one. */
export function policy(changes: Record<string, unknown> = {}, options: PolicyOptions = {}): RawPolicy {
  const { kind = 'ImageVerification', namespace = 'web', name = 'release', uid = 'uid-1', generation = 1 } = options;
  const spec = { images: [{ glob: 'ghcr.io/acme/**' }], authorities: [keyAuthority()], ...changes };
  return {
    apiVersion: 'assay.dev/v1alpha1',
    kind,
    metadata: { name, uid, generation, ...(kind === 'ImageVerification' ? { namespace } : {}) },
    spec: Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined)),
  };
}

/** A cluster-wide {@link policy}. */
export function clusterPolicy(changes: Record<string, unknown> = {}, options: PolicyOptions = {}): RawPolicy {
  return policy(changes, { ...options, kind: 'ClusterImageVerification' });
}
