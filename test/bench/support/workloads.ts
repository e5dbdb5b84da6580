import type { KeyObject } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import type { VerifierOptions } from '@sigstore/verify';
import { prove } from '../../../src/signatures/prove.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { Candidate, Requirement } from '../../../src/signatures/types.ts';
import { corpus } from '../../support/signature-corpus.ts';
import { legacyAsBundle } from '../../support/sigstore/stock.ts';
import { asBundle, asking, found, IMAGE, keyOf, release, world } from '../../support/signatures.ts';

/** Signatures of one kind, and the two verifiers; both are given the same bytes and say who signed, or throw. */
export interface Workload {
  readonly name: string;
  readonly size: number;
  readonly ours: Verify;
  readonly stock: Verify;
  /** The same two, of signatures of which the signed digest was changed. */
  readonly tampered: { readonly ours: Verify; readonly stock: Verify };
}

/** Who made the signature of this turn; throws where it does not hold. */
export type Verify = (turn: number) => string;

/** Distinct signatures of each kind: nothing that is remembered of one may speak for another. */
const DISTINCT = 64;

interface Kind {
  readonly name: string;
  readonly candidates: readonly Candidate[];
  readonly root: string;
  readonly difference?: Partial<Requirement>;
  readonly stock?: VerifierOptions & { readonly key?: KeyObject };
}

/** All workloads: of a private Sigstore, and of the corpora beside this repository where they are. */
export function workloads(): readonly Workload[] {
  return [...ownKinds(), ...publicKinds()].map(workloadOf);
}

function ownKinds(): readonly Kind[] {
  const signer = world.key();
  const key = keyOf(signer);
  const root = world.trustedRootJson;
  const many = (make: () => Candidate): Candidate[] => Array.from({ length: DISTINCT }, make);
  const keyed = { key: key.key, timestampThreshold: 0 };
  return [
    { name: 'keyless, legacy: certificate, SCT, SET', root, candidates: many(() => found(world.legacySignature(release, IMAGE))) },
    { name: 'keyless, bundle: certificate, SCT, SET, proof', root, candidates: many(() => asBundle(world.bundle(release, IMAGE, { log: 'v1' }))) },
    { name: 'keyless, bundle: certificate, SCT, proof (Rekor v2), timestamp', root, candidates: many(() => asBundle(world.bundle(release, IMAGE))) },
    { name: 'keyed, legacy: SET', root, candidates: many(() => found(world.legacySignature(signer, IMAGE))), difference: { key }, stock: keyed },
    { name: 'keyed, bundle: SET, proof', root, candidates: many(() => asBundle(world.bundle(signer, IMAGE, { log: 'v1' }))), difference: { key }, stock: keyed },
    { name: 'keyed, bundle: signature alone', root, candidates: many(() => asBundle(world.bundle(signer, IMAGE, { log: 'none' }))), difference: { key, log: 'Ignored' }, stock: { ...keyed, tlogThreshold: 0 } },
  ];
}

/** Real signatures of the public-good Sigstore that both verifiers accept. */
function publicKinds(): readonly Kind[] {
  const signatures = corpus('signatures');
  if (signatures === undefined) return [];
  const root = signatures.file('trust/public-good.json');
  const accepted = signatures.cases.filter(({ kind, args, expect }) => kind.endsWith('-keyless') && args.includes('trust/public-good.json') && expect.exit === 0);
  const references = [...new Set(accepted.map(({ ref }) => ref))];
  const proven = (candidate: Candidate): boolean => {
    try {
      return prove({ ...candidate }, asking({ trust: loadedRoot(root) })).certificate !== undefined;
    } catch {
      return false;
    }
  };
  const legacy = references.flatMap((ref) => signatures.legacy(ref)).filter(proven).slice(0, DISTINCT);
  const bundles = references.flatMap((ref) => signatures.bundles(ref)).filter(proven).map(withoutTimestamps).slice(0, DISTINCT);
  return [
    { name: `corpus, keyless, legacy (${legacy.length} of the public-good instance)`, root, candidates: legacy },
    { name: `corpus, keyless, bundle (${bundles.length} of the public-good instance)`, root, candidates: bundles },
  ].filter(({ candidates }) => candidates.length > 0);
}

/** The stock verifier refuses a bundle for a timestamp of an authority that it does not know, even if nobody needs it. */
function withoutTimestamps(candidate: Candidate): Candidate {
  if (candidate.format !== 'bundle') return candidate;
  const bundle = JSON.parse(Buffer.from(candidate.bytes).toString()) as { verificationMaterial: Record<string, unknown> };
  const { timestampVerificationData: _, ...material } = bundle.verificationMaterial;
  return asBundle({ ...bundle, verificationMaterial: material });
}

const roots = new Map<string, ReturnType<typeof loadTrustRoot>>();

function loadedRoot(json: string): ReturnType<typeof loadTrustRoot> {
  const root = roots.get(json) ?? loadTrustRoot(json);
  roots.set(json, root);
  return root;
}

function workloadOf({ name, candidates, root, difference = {}, stock = {} }: Kind): Workload {
  const requirement = asking({ trust: loadedRoot(root), ...difference });
  const { key, ...thresholds } = stock;
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(root)), () => {
    if (key === undefined) throw new Error('no key was given');
    return { publicKey: key, validFor: () => true };
  });
  const verifier = new Verifier(material, thresholds);
  const ours = (list: readonly Candidate[]) => (turn: number) => {
    const { signer } = prove({ ...at(list, turn) }, requirement);
    return signer.kind === 'key' ? 'key' : `${signer.issuer} ${signer.subject}`;
  };
  const theirs = (list: readonly Candidate[]) => {
    const asked = list.map(questionOf);
    return (turn: number) => {
      const { text, message } = at(asked, turn);
      const { identity } = verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(text)), message));
      return identity === undefined ? 'key' : `${identity.extensions?.issuer} ${identity.subjectAlternativeName}`;
    };
  };
  const bent = candidates.map(tamper);
  return { name, size: candidates.length, ours: ours(candidates), stock: theirs(candidates), tampered: { ours: ours(bent), stock: theirs(bent) } };
}

function at<Value>(list: readonly Value[], turn: number): Value {
  const value = list[turn % list.length];
  if (value === undefined) throw new Error('there is nothing to verify');
  return value;
}

/** What the stock verifier is asked: a bundle's text, and for a legacy signature, which it does not know, the one it converts to. */
function questionOf(candidate: Candidate): { readonly text: string; readonly message?: Buffer } {
  if (candidate.format === 'bundle') return { text: Buffer.from(candidate.bytes).toString() };
  const payload = Buffer.from(candidate.format === 'legacy' ? candidate.payload : candidate.envelope);
  return { text: JSON.stringify(legacyAsBundle({ payload, annotations: { ...candidate.annotations } })), message: payload };
}

/** Another digest than the one that was signed. */
function tamper(candidate: Candidate): Candidate {
  if (candidate.format === 'legacy') {
    const payload = Buffer.from(candidate.payload);
    return { ...candidate, payload: Buffer.from(payload.toString().replace(/"sha256:(.)/, (_, digit: string) => `"sha256:${other(digit)}`)) };
  }
  if (candidate.format === 'legacy-attestation') throw new Error('no attestation is measured');
  const bundle = JSON.parse(Buffer.from(candidate.bytes).toString()) as { dsseEnvelope: { payload: string } };
  const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString();
  const changed = payload.replace(/"sha256":\s*"(.)/, (_, digit: string) => `"sha256":"${other(digit)}`);
  return asBundle({ ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: Buffer.from(changed).toString('base64') } });
}

function other(digit: string): string {
  return digit === '0' ? '1' : '0';
}
