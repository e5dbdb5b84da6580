import { createAuthority } from './authority.ts';
import { generateKey, type KeyPair, type KeyType } from './keys.ts';
import { createRekorV1, createRekorV2 } from './log.ts';
import { pushBundle, pushLegacySignatures, type PushedImage } from './push.ts';
import {
  bundle,
  legacyAttestation,
  legacySignature,
  messageBundle,
  type Artifact,
  type Bundle,
  type LegacySignature,
  type SignOptions,
  type StatementOptions,
  type TestSigner,
} from './sign.ts';
import { createTimestampAuthority } from './timestamp.ts';
import { trustedRoot, type Services, type TrustedRootJson, type TrustedRootOptions } from './trusted-root.ts';

/** A whole private Sigstore. Its clock is `now`; each signature may have a time of its own. */
export interface World extends Services {
  /** Milliseconds since the epoch, as it is now in this world. */
  now(): number;
  /** Somebody with an identity: a certificate for each signature. E-mail, URI or username as the subject. */
  keyless(who: Identity): TestSigner & { kind: 'keyless' };
  /** Somebody with a key pair. */
  key(type?: KeyType): TestSigner & { kind: 'key' };
  /** The trusted root of this world, in JSON. */
  readonly trustedRootJson: string;
  /** The same as data, with lists left out or trusted for a period only. */
  trustedRoot(options?: Partial<TrustedRootOptions>): TrustedRootJson;
  legacySignature(signer: TestSigner, artifact: Artifact, options?: SignOptions): LegacySignature;
  legacyAttestation(
    signer: TestSigner,
    artifact: Artifact,
    options: SignOptions & StatementOptions & { predicateType: string },
  ): LegacySignature;
  bundle(signer: TestSigner, artifact: Artifact, options?: SignOptions & StatementOptions): Bundle;
  messageBundle(signer: TestSigner, message: Buffer, options?: SignOptions): Bundle;
  /** Signs a pushed image in cosign's storage form, `bundle` by default, and pushes the signature. */
  signImage(image: PushedImage, signer: TestSigner, options?: SignImageOptions): Promise<void>;
}

/** An identity that Fulcio would certify. */
export interface Identity {
  readonly subject: string;
  readonly issuer: string;
  /** By the names of the API, or by OID (authority.ts, CLAIMS). */
  readonly claims?: Readonly<Record<string, string>>;
  readonly keyType?: KeyType;
}

/** How an image is signed. */
export type SignImageOptions = SignOptions & StatementOptions & { readonly format?: 'legacy' | 'bundle' };

/** What a world is made of; `now` in milliseconds or as a function, the machine's clock by default. */
export interface WorldOptions {
  readonly now?: number | (() => number);
  /** Domain that all services are named after. Two worlds of one name differ in their keys only. */
  readonly name?: string;
  /** Keys of the certificate authority: P-384 as Fulcio's, or what is quicker. */
  readonly authorityKeys?: KeyType;
}

/** A new private Sigstore with keys of its own; takes a few milliseconds. */
export function createWorld(options: WorldOptions = {}): World {
  const { now: given = Date.now, name = 'sigstore.test' } = options;
  const now = typeof given === 'number' ? () => given : given;
  const at = now();
  const services: Services = {
    authority: createAuthority({ at, name, ...(options.authorityKeys && { keyType: options.authorityKeys }) }),
    rekorV1: createRekorV1({ name }),
    rekorV2: createRekorV2({ name }),
    timestampAuthority: createTimestampAuthority({ at, name }),
  };
  const timed = <T extends SignOptions>(how: T): T & { at: number } => ({ ...how, at: how.at ?? now() });
  const trusted = (edits: Partial<TrustedRootOptions> = {}) => trustedRoot([services], { at, ...edits });
  return {
    ...services,
    now,
    keyless: (who) => ({ kind: 'keyless', claims: {}, keyType: 'P-256', ...who }),
    key: (type) => ({ kind: 'key', key: generateKey(type) }),
    trustedRootJson: JSON.stringify(trusted()),
    trustedRoot: trusted,
    legacySignature: (signer, artifact, how = {}) => legacySignature(services, signer, artifact, timed(how)),
    legacyAttestation: (signer, artifact, how) => legacyAttestation(services, signer, artifact, timed(how)),
    bundle: (signer, artifact, how = {}) => bundle(services, signer, artifact, timed(how)),
    messageBundle: (signer, message, how = {}) => messageBundle(services, signer, message, timed(how)),
    signImage: (image, signer, how = {}) => signImage(services, image, signer, timed(how)),
  };
}

async function signImage(
  services: Services,
  image: PushedImage,
  signer: TestSigner,
  options: SignImageOptions & { at: number },
): Promise<void> {
  const artifact: Artifact = { digest: image.digest, repository: `${image.host}/${image.repository}` };
  if (options.format === 'legacy') {
    await pushLegacySignatures(image, [legacySignature(services, signer, artifact, options)]);
    return;
  }
  const { at, predicateType } = options;
  await pushBundle(image, bundle(services, signer, artifact, options), { at, ...(predicateType && { predicateType }) });
}

/** The key of a signer made by `world.key()`, for a policy or `--key`. */
export function publicKeyPem(signer: TestSigner & { kind: 'key' }): string {
  return (signer.key satisfies KeyPair).pem;
}
