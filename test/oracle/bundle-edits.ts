import { flip } from '../support/sigstore/flip.ts';
import type { BendContext } from './bends.ts';

type Json = Record<string, unknown>;

/** One thing that is otherwise in a finished bundle: data to change in place, or its text. */
export type BundleEdit = { readonly data: (bundle: Json, parts: Parts, context: BendContext) => void } | { readonly text: (text: string) => string };

/** The parts of a bundle that edits are about; empty objects where it has none. */
interface Parts {
  readonly material: Json;
  readonly entry: Json;
  readonly proof: Json;
  readonly envelope: Json;
  readonly entries: Json[];
  readonly stamps: Json[];
}

const data = (change: (bundle: Json, parts: Parts, context: BendContext) => void): BundleEdit => ({ data: change });
const text = (change: (whole: string) => string): BundleEdit => ({ text: change });
const urlSafe = (value: unknown): string => String(value).replaceAll('+', '-').replaceAll('/', '_');
const unpadded = (value: unknown): string => String(value).replaceAll('=', '');
const broken = (value: unknown): string => flip(Buffer.from(String(value), 'base64')).toString('base64');
const type = (mediaType: string): BundleEdit => data((bundle) => (bundle['mediaType'] = mediaType));
const BASE = 'application/vnd.dev.sigstore.bundle';

/** Edits of the JSON of a bundle. */
export const BUNDLE_EDITS: Readonly<Record<string, BundleEdit>> = {
  'bundle.v0.1': type(`${BASE}+json;version=0.1`),
  'bundle.v0.2': type(`${BASE}+json;version=0.2`),
  'bundle.v0.3Parameter': type(`${BASE}+json;version=0.3`),
  'bundle.v0.3.1': type(`${BASE}.v0.3.1+json`),
  'bundle.v0.3.0': type(`${BASE}.v0.3.0+json`),
  'bundle.v0.3Pre': type(`${BASE}.v0.3.0-rc.1+json`),
  'bundle.v0.3Build': type(`${BASE}.v0.3.0+build+json`),
  'bundle.v0': type(`${BASE}.v0+json`),
  'bundle.v0.4': type(`${BASE}.v0.4+json`),
  'bundle.v1': type(`${BASE}.v1+json`),
  'bundle.v0.1Dotted': type(`${BASE}.v0.1+json`),
  'bundle.v0.2Dotted': type(`${BASE}.v0.2+json`),
  'bundle.v03': type(`${BASE}.v03+json`),
  'bundle.typeUpper': type(`${BASE}.v0.3+JSON`),
  'bundle.typeOther': type('application/json'),
  'bundle.typeEmpty': type(''),
  'bundle.typeGone': data((bundle) => delete bundle['mediaType']),
  'bundle.typeNull': data((bundle) => (bundle['mediaType'] = null)),
  'bundle.typeSnake': text((whole) => whole.replace('"mediaType"', '"media_type"')),
  'bundle.snake': text((whole) => whole.replace('"verificationMaterial"', '"verification_material"').replace('"dsseEnvelope"', '"dsse_envelope"').replace('"payloadType"', '"payload_type"')),
  'bundle.snakeInside': text((whole) => whole.replaceAll('"tlogEntries"', '"tlog_entries"').replaceAll('"logIndex"', '"log_index"').replaceAll('"canonicalizedBody"', '"canonicalized_body"').replaceAll('"rawBytes"', '"raw_bytes"')),
  'bundle.snakeProof': text((whole) => whole.replaceAll('"inclusionProof"', '"inclusion_proof"').replaceAll('"rootHash"', '"root_hash"').replaceAll('"timestampVerificationData"', '"timestamp_verification_data"')),
  'bundle.case': text((whole) => whole.replace('"dsseEnvelope"', '"DsseEnvelope"')),
  'bundle.unknownMember': data((bundle) => (bundle['more'] = 1)),
  'bundle.unknownInMaterial': data((_, { material }) => (material['more'] = 1)),
  'bundle.unknownInEntry': data((_, { entry }) => (entry['more'] = 1)),
  'bundle.unknownInEnvelope': data((_, { envelope }) => (envelope['more'] = 1)),
  'bundle.proto': text((whole) => whole.replace('{', '{"__proto__":{},')),
  'bundle.memberTwice': text((whole) => whole.replace('"mediaType"', `"mediaType":"${BASE}.v0.3+json","mediaType"`)),
  'bundle.envelopeTwice': text((whole) => whole.replace('"payloadType"', '"payload":"e30=","payloadType"')),
  'bundle.bothNames': text((whole) => whole.replace('"payloadType"', '"payload_type":"x","payloadType"')),
  'bundle.spaced': text((whole) => JSON.stringify(JSON.parse(whole), null, 2)),
  'bundle.trailing': text((whole) => `${whole} x`),
  'bundle.trailingSpace': text((whole) => `${whole}\n\n`),
  'bundle.byteOrderMark': text((whole) => `\ufeff${whole}`),
  'bundle.notJson': text((whole) => whole.slice(1)),
  'bundle.list': text((whole) => `[${whole}]`),
  'bundle.nothing': text(() => ''),
  'bundle.emptyObject': text(() => '{}'),
  'bundle.comment': text((whole) => whole.replace('{', '{/* x */')),
  'bundle.materialGone': data((bundle) => delete bundle['verificationMaterial']),
  'bundle.materialNull': data((bundle) => (bundle['verificationMaterial'] = null)),
  'bundle.contentGone': data((_, { material }) => (delete material['certificate'], delete material['publicKey'])),
  'bundle.certificateAndKey': data((_, { material }) => Object.assign(material, { publicKey: { hint: 'x' }, certificate: { rawBytes: 'MAA=' } })),
  'bundle.certificateIsKey': data((_, { material }) => (delete material['certificate'], (material['publicKey'] = { hint: 'x' }))),
  'bundle.certificateGarbage': data((_, { material }) => (delete material['publicKey'], (material['certificate'] = { rawBytes: 'MAA=' }))),
  'bundle.certificateEmpty': data((_, { material }) => (delete material['publicKey'], (material['certificate'] = {}))),
  'bundle.certificateTrailing': data((_, { material }) => {
    const { rawBytes: raw } = (material['certificate'] ?? {}) as { readonly rawBytes?: string };
    if (raw !== undefined) material['certificate'] = { rawBytes: Buffer.concat([Buffer.from(raw, 'base64'), Buffer.from([0])]).toString('base64') };
  }),
  'bundle.certificateOfAuthority': data((_, { material }, { services }) => material['certificate'] && (material['certificate'] = { rawBytes: services.authority.intermediate.certificate.toString('base64') })),
  'bundle.chain': data((_, { material }, { services }) => {
    if (material['certificate'] === undefined) return;
    material['x509CertificateChain'] = { certificates: [material['certificate'], { rawBytes: services.authority.intermediate.certificate.toString('base64') }] };
    delete material['certificate'];
  }),
  'bundle.chainOfOne': data((bundle, { material }) => {
    if (material['certificate'] === undefined) return;
    bundle['mediaType'] = `${BASE}+json;version=0.2`;
    material['x509CertificateChain'] = { certificates: [material['certificate']] };
    delete material['certificate'];
  }),
  'bundle.chainEmpty': data((_, { material }) => (delete material['certificate'], delete material['publicKey'], (material['x509CertificateChain'] = { certificates: [] }))),
  'bundle.hintOther': data((_, { material }) => material['publicKey'] && (material['publicKey'] = { hint: 'other' })),
  'bundle.hintGone': data((_, { material }) => material['publicKey'] && (material['publicKey'] = {})),
  'bundle.hintNumber': data((_, { material }) => material['publicKey'] && (material['publicKey'] = { hint: 5 })),
  'envelope.gone': data((bundle) => delete bundle['dsseEnvelope']),
  'envelope.null': data((bundle) => (bundle['dsseEnvelope'] = null)),
  'envelope.andMessage': data((bundle) => (bundle['messageSignature'] = { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' })),
  'envelope.payloadBroken': data((_, { envelope }) => (envelope['payload'] = broken(envelope['payload']))),
  'envelope.payloadUrlSafe': data((_, { envelope }) => (envelope['payload'] = urlSafe(envelope['payload']))),
  'envelope.payloadUnpadded': data((_, { envelope }) => (envelope['payload'] = unpadded(envelope['payload']))),
  'envelope.payloadWrapped': data((_, { envelope }) => (envelope['payload'] = `${String(envelope['payload']).slice(0, 20)}\n${String(envelope['payload']).slice(20)}`)),
  'envelope.payloadGone': data((_, { envelope }) => delete envelope['payload']),
  'envelope.typeOther': data((_, { envelope }) => (envelope['payloadType'] = 'text/plain')),
  'envelope.typeGone': data((_, { envelope }) => delete envelope['payloadType']),
  'envelope.noSignatures': data((_, { envelope }) => (envelope['signatures'] = [])),
  'envelope.signaturesGone': data((_, { envelope }) => delete envelope['signatures']),
  'envelope.twoSignatures': data((_, { envelope }) => (envelope['signatures'] = [...(envelope['signatures'] as Json[]), { sig: 'AAAA' }])),
  'envelope.sameSignatureTwice': data((_, { envelope }) => (envelope['signatures'] = [...(envelope['signatures'] as Json[]), ...(envelope['signatures'] as Json[])])),
  'envelope.keyid': data((_, { envelope }) => (envelope['signatures'] as Json[]).forEach((one) => (one['keyid'] = 'me'))),
  'envelope.signatureUrlSafe': data((_, { envelope }) => (envelope['signatures'] as Json[]).forEach((one) => (one['sig'] = unpadded(urlSafe(one['sig']))))),
  'envelope.signatureBroken': data((_, { envelope }) => (envelope['signatures'] as Json[]).forEach((one) => (one['sig'] = broken(one['sig'])))),
  'envelope.signatureEmpty': data((_, { envelope }) => (envelope['signatures'] as Json[]).forEach((one) => (one['sig'] = ''))),
  'entry.gone': data((_, { material }) => delete material['tlogEntries']),
  'entry.none': data((_, { material }) => (material['tlogEntries'] = [])),
  'entry.null': data((_, { material }) => (material['tlogEntries'] = null)),
  'entry.twice': data((_, { entries, entry }) => void (entries.length > 0 && entries.push({ ...entry }))),
  'entry.twiceOtherIndex': data((_, { entries, entry }) => void (entries.length > 0 && entries.push({ ...entry, logIndex: '999' }))),
  'entry.foreignToo': data((_, { entries, entry }, { cast }) => void (entries.length > 0 && entries.push({ ...entry, logId: { keyId: cast.other.rekorV1.logId.toString('base64') } }))),
  'entry.foreignFirst': data((_, { entries, entry }, { cast }) => void (entries.length > 0 && entries.unshift({ ...entry, logId: { keyId: cast.other.rekorV1.logId.toString('base64') } }))),
  'entry.garbageForeignToo': data((_, { entries, entry }) => void (entries.length > 0 && entries.push({ ...entry, logId: { keyId: 'AAAA' }, canonicalizedBody: 'AAAA' }))),
  'entry.index': data((_, { entry }) => (entry['logIndex'] = '12345')),
  'entry.indexGone': data((_, { entry }) => delete entry['logIndex']),
  'entry.indexNegative': data((_, { entry }) => (entry['logIndex'] = '-1')),
  'entry.indexNumber': data((_, { entry }) => (entry['logIndex'] = Number(entry['logIndex'] ?? 0))),
  'entry.indexExponent': text((whole) => whole.replace(/"logIndex":"(\d+)"/, '"logIndex":$1e0')),
  'entry.indexSpace': data((_, { entry }) => (entry['logIndex'] = ` ${String(entry['logIndex'])}`)),
  'entry.idGone': data((_, { entry }) => delete entry['logId']),
  'entry.idUrlSafe': data((_, { entry }) => (entry['logId'] = { keyId: unpadded(urlSafe((entry['logId'] as Json | undefined)?.['keyId'])) })),
  'entry.idEmpty': data((_, { entry }) => (entry['logId'] = { keyId: '' })),
  'entry.kindGone': data((_, { entry }) => delete entry['kindVersion']),
  'entry.kindOther': data((_, { entry }) => (entry['kindVersion'] = { kind: 'rekord', version: '0.0.1' })),
  'entry.kindVersionOther': data((_, { entry }) => (entry['kindVersion'] = { kind: 'hashedrekord', version: '0.0.7' })),
  'entry.kindEmpty': data((_, { entry }) => (entry['kindVersion'] = {})),
  'entry.time': data((_, { entry }) => (entry['integratedTime'] = '1700000000')),
  'entry.timeGone': data((_, { entry }) => delete entry['integratedTime']),
  'entry.timeNegative': data((_, { entry }) => (entry['integratedTime'] = '-5')),
  'entry.timeNumber': data((_, { entry }) => entry['integratedTime'] && (entry['integratedTime'] = Number(entry['integratedTime']))),
  'entry.promiseGone': data((_, { entry }) => delete entry['inclusionPromise']),
  'entry.promiseEmpty': data((_, { entry }) => (entry['inclusionPromise'] = {})),
  'entry.promiseNull': data((_, { entry }) => (entry['inclusionPromise'] = null)),
  'entry.promiseGarbage': data((_, { entry }) => (entry['inclusionPromise'] = { signedEntryTimestamp: 'AAAA' })),
  'entry.proofGone': data((_, { entry }) => delete entry['inclusionProof']),
  'entry.proofEmpty': data((_, { entry }) => (entry['inclusionProof'] = {})),
  'entry.proofNull': data((_, { entry }) => (entry['inclusionProof'] = null)),
  'entry.rootGone': data((_, { proof }) => delete proof['rootHash']),
  'entry.hashesGone': data((_, { proof }) => delete proof['hashes']),
  'entry.hashesMany': data((_, { proof }) => (proof['hashes'] = Array.from({ length: 70 }, () => 'AAAA'))),
  'entry.sizeGone': data((_, { proof }) => delete proof['treeSize']),
  'entry.proofIndexGone': data((_, { proof }) => delete proof['logIndex']),
  'entry.checkpointGone': data((_, { proof }) => delete proof['checkpoint']),
  'entry.checkpointNull': data((_, { proof }) => (proof['checkpoint'] = null)),
  'entry.bodyGone': data((_, { entry }) => delete entry['canonicalizedBody']),
  'entry.bodyEmpty': data((_, { entry }) => (entry['canonicalizedBody'] = '')),
  'entry.bodyUrlSafe': data((_, { entry }) => (entry['canonicalizedBody'] = unpadded(urlSafe(entry['canonicalizedBody'])))),
  'entry.thirtyThree': data((_, { entries, entry }) => void (entries.length > 0 && entries.push(...Array.from({ length: 32 }, (_unused, index) => ({ ...entry, logId: { keyId: 'AAAA' }, logIndex: String(1000 + index) }))))),
  'entry.six': data((_, { entries, entry }) => void (entries.length > 0 && entries.push(...Array.from({ length: 5 }, (_unused, index) => ({ ...entry, logId: { keyId: 'AAAA' }, logIndex: String(1000 + index) }))))),
  'stamps.gone': data((_, { material }) => delete material['timestampVerificationData']),
  'stamps.none': data((_, { material }) => (material['timestampVerificationData'] = { rfc3161Timestamps: [] })),
  'stamps.null': data((_, { material }) => (material['timestampVerificationData'] = null)),
  'stamps.twice': data((_, { stamps }) => void stamps.push(...stamps.map((one) => ({ ...one })))),
  'stamps.garbageToo': data((_, { stamps }) => void (stamps.length > 0 && stamps.push({ signedTimestamp: 'MAA=' }))),
  'stamps.garbageFirst': data((_, { stamps }) => void (stamps.length > 0 && stamps.unshift({ signedTimestamp: 'MAA=' }))),
  'stamps.emptyToo': data((_, { stamps }) => void (stamps.length > 0 && stamps.push({}))),
  'stamps.broken': data((_, { stamps }) => stamps.forEach((one) => (one['signedTimestamp'] = broken(one['signedTimestamp'])))),
  'stamps.six': data((_, { stamps }) => void (stamps.length > 0 && stamps.push(...Array.from({ length: 5 }, () => ({ signedTimestamp: 'MAA=' }))))),
  'stamps.thirtyThree': data((_, { stamps }) => void (stamps.length > 0 && stamps.push(...Array.from({ length: 32 }, () => ({ signedTimestamp: 'MAA=' }))))),
};

/** The bytes of the bundle after the edit; what it does not have stays as it is. */
export function editedBundle(bundle: unknown, edit: BundleEdit, context: BendContext): Buffer {
  if ('text' in edit) return Buffer.from(edit.text(JSON.stringify(bundle)));
  const copy = structuredClone(bundle) as Json;
  const material = copy['verificationMaterial'] as Json;
  const entries = (material['tlogEntries'] ?? []) as Json[];
  const [entry = {}] = entries;
  const stamps = ((material['timestampVerificationData'] as Json | undefined)?.['rfc3161Timestamps'] ?? []) as Json[];
  edit.data(copy, { material, entries, entry, stamps, proof: (entry['inclusionProof'] ?? {}) as Json, envelope: (copy['dsseEnvelope'] ?? {}) as Json }, context);
  return Buffer.from(JSON.stringify(copy));
}
