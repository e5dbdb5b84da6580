import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verify, type Bundle as SerializedBundle, type VerifyOptions } from 'sigstore';
import { parseImageReference } from '../../src/api/image-reference.ts';
import { loadTrustRoot } from '../../src/signatures/trust-root.ts';
import { SignatureError } from '../../src/signatures/types.ts';
import { assess } from '../../src/verification/assess.ts';
import type { CompiledAuthority } from '../../src/verification/types.ts';
import { asBundle, asking, found, IMAGE, ISSUER, keyOf, outcome, SUBJECT, world } from './signatures.ts';
import type { Bundle, LegacySignature, TestSigner } from './sigstore/sign.ts';
import { legacyAsBundle } from './sigstore/stock.ts';
import type { TrustedRootJson } from './sigstore/trusted-root.ts';
import { publicKeyPem } from './sigstore/world.ts';
import { startTufMirror, type TufClientOptions, type TufFaults, type TufMirror } from './tuf-mirror.ts';

/** A signature, and what both are asked of it where that is not: the release workflow's, logged, with an SCT, by the world's services. */
export interface Case {
  readonly signature: Bundle | LegacySignature;
  /** The bytes that a bundle without an envelope signs. */
  readonly data?: Buffer;
  readonly key?: TestSigner & { kind: 'key' };
  readonly subject?: string;
  readonly issuer?: string;
  readonly log?: 'Ignored';
  readonly sct?: 'Ignored';
  readonly trustedRoot?: TrustedRootJson;
}

/** `Accepted`, or the reason of a refusal and its text. */
export interface Answer {
  readonly reason: string;
  readonly text: string;
}

const ACCEPTED: Answer = { reason: 'Accepted', text: '' };

/** The package `sigstore` as it is, which has its trusted roots from a TUF mirror on loopback. */
export interface Oracle {
  /** Its answer; a refusal's reason is the code of the error. */
  answer(one: Case): Promise<Answer>;
  /** Its answer where the trusted root comes from a repository with these faults, and the paths that it asked for. */
  through(one: Case, faults: TufFaults): Promise<Answer & { readonly asked: readonly string[] }>;
  /** The mirror is gone, and with it everything that the oracle could read. */
  stop(): Promise<void>;
}

/** Starts the oracle; it leaves nothing behind when it is stopped. */
export async function startOracle(): Promise<Oracle> {
  const directory = await mkdtemp(join(tmpdir(), 'assay-oracle-'));
  const mirror: TufMirror = await startTufMirror(directory);
  const published = new Map<string, TufClientOptions>();
  const rootOf = ({ trustedRoot }: Case): string => (trustedRoot === undefined ? world.trustedRootJson : JSON.stringify(trustedRoot));
  return {
    answer(one) {
      const json = rootOf(one);
      const repository = published.get(json) ?? mirror.publish(json);
      published.set(json, repository);
      return theirAnswer(one, repository);
    },
    async through(one, faults) {
      const before = mirror.asked.length;
      const repository = mirror.publish(rootOf(one), faults);
      const answer = await theirAnswer(one, repository);
      const name = new URL(repository.tufMirrorURL).pathname;
      return { ...answer, asked: mirror.asked.slice(before).map((path) => path.replace(name, '').replace(/[0-9a-f]{64}/, '…')) };
    },
    async stop() {
      await mirror.stop();
      await rm(directory, { recursive: true });
    },
  };
}

async function theirAnswer(one: Case, repository: TufClientOptions): Promise<Answer> {
  const { signature, data, log, sct } = one;
  const thresholds = { ...(log && { tlogThreshold: 0 }), ...(sct && { ctLogThreshold: 0 }) };
  const options: VerifyOptions = { ...repository, ...wanted(one), ...thresholds, retry: false, timeout: 5000 };
  const bundle = ('payload' in signature ? legacyAsBundle(signature) : signature) as unknown as SerializedBundle;
  const bytes = 'payload' in signature ? signature.payload : data;
  try {
    await (bytes === undefined ? verify(bundle, options) : verify(bundle, bytes, options));
    return ACCEPTED;
  } catch (error) {
    assert.ok(error instanceof Error);
    const cause = error.cause instanceof Error ? `: ${error.cause.constructor.name}: ${error.cause.message}` : '';
    return { reason: 'code' in error ? String(error.code) : error.constructor.name, text: `${error.message}${cause}` };
  }
}

/** It takes an identity as a pattern that is searched for: here it is one text, from its start to its end. */
function wanted({ key, subject = SUBJECT, issuer = ISSUER }: Case): VerifyOptions {
  if (key !== undefined) return { keySelector: () => publicKeyPem(key) };
  const name = `^${RegExp.escape(subject)}$`;
  return { certificateIssuer: issuer, ...(subject.includes('://') ? { certificateIdentityURI: name } : { certificateIdentityEmail: name }) };
}

/** What the operator answers: the proof, judged for the image and the signer that are wanted. */
export function ourAnswer({ signature, key, subject = SUBJECT, issuer = ISSUER, log, sct, trustedRoot }: Case): Answer {
  const candidate = 'payload' in signature ? found(signature) : asBundle(signature);
  const requirement = asking({
    ...(log && { log }),
    ...(sct && { sct }),
    ...(key && { key: keyOf(key) }),
    ...(trustedRoot && { trust: loadTrustRoot(JSON.stringify(trustedRoot)) }),
  });
  const proof = outcome(candidate, requirement);
  if (proof instanceof SignatureError) return { reason: proof.code, text: proof.message };
  const authority: CompiledAuthority = {
    name: 'release',
    kind: key ? 'key' : 'keyless',
    keys: key ? [keyOf(key)] : [],
    identities: key ? [] : [{ issuer: { exact: issuer }, subject: { exact: subject }, claims: {} }],
    log: requirement.log,
    timestamp: requirement.timestamp,
    sct: requirement.sct,
    annotations: {},
    requireRepository: false,
    attestations: [],
    sources: [],
    hash: '',
  };
  const image = parseImageReference(`${IMAGE.repository}@${IMAGE.digest}`);
  return assess(proof, candidate, { authority, image, digest: IMAGE.digest, now: requirement.now }) ?? ACCEPTED;
}
