import { createHash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SignedContent } from '../../signatures/content.ts';
import { readPem } from '../../signatures/pem.ts';
import { spkiOf } from '../../signatures/public-key.ts';
import { namedTileEntry } from '../../signatures/tile-entry.ts';
import type { TrustRoot } from '../../signatures/trust-root.ts';
import type { BundleEntry, BundleParts } from './bundle-parts.ts';
import { signatureOf } from './bundle-parts.ts';
import { isTreeHead, openCheckpoint, checkTreeHead } from './checkpoint.ts';
import { readEntryBody } from './entry-body.ts';
import { checkInclusion } from './inclusion.ts';
import { Mismatch, refusalOf, within } from './mismatch.ts';
import type { Question } from './question.ts';
import { trustOf } from './question.ts';
import { checkSet } from './signed-entry.ts';

type Log = TrustRoot['material']['tlogs'][number];

const MAX_ENTRIES = 32;

/**
 * The log entries of a bundle in sigstore-go's order (pkg/verify, VerifyTlogEntry); returns the times that logs attest, in
 * milliseconds since the epoch. Throws {@link Mismatch}.
 */
export function checkBundleLog(parts: BundleParts, question: Question): readonly number[] {
  const { entries } = parts;
  if (entries.length > MAX_ENTRIES) throw new Mismatch(`too many tlog entries: ${entries.length} > ${MAX_ENTRIES}`);
  if (new Set(entries.map(({ logId, logIndex }) => `${logId.toString('hex')} ${logIndex}`)).size < entries.length) {
    throw new Mismatch('duplicate tlog entries found');
  }
  const verified = entries.flatMap((entry) => {
    refuseKind(entry.body);
    const log = trustOf(question).material.tlogs.find(({ logID }) => logID.equals(entry.logId));
    return log !== undefined && checkEntry(entry, log, parts, question) ? [entry] : [];
  });
  if (verified.length === 0) throw new Mismatch('not enough verified log entries from transparency log: 0 < 1');
  return verified.flatMap(({ promise, integratedTime }) => (promise === undefined ? [] : [integratedTime * 1000]));
}

/** Whether the entry counts; one whose promise does not hold is passed over, like one of an unknown log. */
function checkEntry(entry: BundleEntry, log: Log, parts: BundleParts, question: Question): boolean {
  const tiles = isTileBody(entry.body);
  if (entry.promise === undefined && entry.proof === undefined) throw new Mismatch('entry must contain an inclusion proof and/or promise');
  if (tiles && entry.proof === undefined) throw new Mismatch('rekor v2 entries must have an inclusion proof');
  if (entry.promise !== undefined && (tiles || !isPromised(entry, entry.promise, question))) return false;
  if (entry.proof !== undefined) checkProof(entry, entry.proof, log, parts, question);
  if (!tiles) checkBody(entry, parts, question);
  const time = entry.integratedTime * 1000;
  const { certificate } = parts;
  if (time !== 0 && certificate !== undefined && (certificate.validFromDate.getTime() > time || certificate.validToDate.getTime() < time)) {
    throw new Mismatch('integrated time outside certificate validity');
  }
  return true;
}

function isPromised({ body, integratedTime, logIndex, logId }: BundleEntry, timestamp: Buffer, question: Question): boolean {
  const entry = { body: body.toString('base64'), integratedTime, logIndex: Number(logIndex), logId: logId.toString('hex'), timestamp };
  return refusalOf(() => checkSet(entry, trustOf(question).material.tlogs)) === undefined;
}

function checkProof(entry: BundleEntry, proof: NonNullable<BundleEntry['proof']>, log: Log, parts: BundleParts, question: Question): void {
  const { logIndex, treeSize, rootHash, hashes, checkpoint } = proof;
  if (isTreeHead(checkpoint)) {
    checkInclusion(entry.body, { index: logIndex, size: treeSize, hashes }, rootHash);
    checkTreeHead(checkpoint, log.publicKey, rootHash);
    return;
  }
  if (log.baseURL === '') throw new Mismatch("cannot verify Rekor v2 entry without baseUrl in transparency log's trusted root");
  // The entry as it must be for this bundle, not as it is.
  const leaf = tileBody(parts, question.requirement.key?.key);
  within('verifying log entry', () => {
    const host = new URL(log.baseURL).hostname;
    const { size, root } = within('unverified checkpoint signature', () => openCheckpoint(checkpoint, log.publicKey, host));
    within('verifying inclusion', () => checkInclusion(leaf, { index: entry.logIndex, size, hashes }, root));
  });
}

/** The entry that Rekor v2 would make of the bundle. Throws {@link Mismatch} where there is no signer to name, or none that has a name. */
function tileBody(parts: BundleParts, key: KeyObject | undefined): Buffer {
  const { certificate, envelope, message } = parts;
  const signer = certificate?.publicKey ?? key;
  if (signer === undefined) throw new Mismatch('public key not found in trusted material: no public key material available');
  const content = envelope === undefined
    ? { signature: signatureOf(parts), signedDigest: () => message?.digest }
    : SignedContent.ofEnvelope(envelope.payloadType, envelope.payload, signatureOf(parts));
  const entry = namedTileEntry(content, { key: spkiOf(signer), ...(certificate === undefined ? {} : { certificate: certificate.raw }) });
  if (entry === undefined) throw new Mismatch('getting algorithm details from bundle key: unsupported public key type');
  return entry;
}

/** Only entries of Rekor v1 are compared field by field: one of Rekor v2 was rebuilt from the bundle. */
function checkBody({ body }: BundleEntry, parts: BundleParts, question: Question): void {
  const claim = readEntryBody(body.toString('utf8'));
  const logged = Buffer.from(claim.signature ?? '', 'base64');
  const signature = claim.kind === 'intoto/0.0.2' ? Buffer.from(logged.toString('latin1'), 'base64') : logged;
  if (!signature.equals(signatureOf(parts))) throw new Mismatch('transparency log signature does not match');
  if (!isSigner(claim.key, parts, question.requirement.key?.key)) throw new Mismatch('transparency log certificate does not match');
  const { envelope, message } = parts;
  if (envelope === undefined) {
    const digest = message?.digest.toString('hex') ?? '';
    if (claim.hash.value !== digest) throw new Mismatch(`transparency log hashedrekord entry digest ${claim.hash.value} does not match artifact ${digest}`);
    return;
  }
  if (claim.payloadHash === undefined) throw new Mismatch('transparency log rekor v1 entry is not a dsse_v001 or intoto_v002 entry');
  const hash = createHash('sha256').update(envelope.payload).digest('hex');
  if (hash !== claim.payloadHash) {
    throw new Mismatch(`transparency log dsse/intoto entry payload hash ${hash} does not match envelope payload hash ${claim.payloadHash}`);
  }
}

function isSigner(base64: string, { certificate }: BundleParts, key: KeyObject | undefined): boolean {
  const [block] = readPem(Buffer.from(base64, 'base64').toString('latin1'));
  if (certificate !== undefined) return block?.label === 'CERTIFICATE' && block.der.equals(certificate.raw);
  return key !== undefined && block?.der.equals(key.export({ type: 'spki', format: 'der' })) === true;
}

/** Kinds of Rekor v1 that no bundle is verified with, by Go's names of their types. */
const UNSUPPORTED: Readonly<Record<string, string>> = { 'rekord/0.0.1': '*rekord.V001Entry', 'intoto/0.0.1': '*intoto.V001Entry' };

function refuseKind(body: Buffer): void {
  const { kind, apiVersion } = JSON.parse(body.toString('utf8')) as { kind?: unknown; apiVersion?: unknown };
  const type = UNSUPPORTED[`${String(kind)}/${String(apiVersion)}`];
  if (type !== undefined) throw new Mismatch(`unsupported entry type: ${type}`);
}

function isTileBody(body: Buffer): boolean {
  const { kind, apiVersion } = JSON.parse(body.toString('utf8')) as { kind?: unknown; apiVersion?: unknown };
  return kind === 'hashedrekord' && apiVersion === '0.0.2';
}
