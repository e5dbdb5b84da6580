import { createHash, verify, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { ASN1Obj } from '@sigstore/core';
import type { SignedEntity } from '@sigstore/verify';
import { SignedContent } from '../../src/signatures/content.ts';
import { tileEntryOf } from '../../src/signatures/tile-entry.ts';
import { asLoaded } from '../../src/signatures/loadable.ts';
import { COSIGN } from '../../src/signatures/profile.ts';
import type { Profile } from '../../src/signatures/types.ts';
import type { Tree } from './edits.ts';
import { askStock, asTree, asTrees, type Accepted, type Question, type View } from './question.ts';

/** A question that the stock library can be asked instead, and how it is to look: what it objects to is taken out, or judged here. */
export interface Repair {
  readonly question: Question;
  readonly views: readonly View[];
}

/**
 * A rule by which we accept what the stock library refuses. The list is closed: an acceptance counts as explained only if the stock
 * library accepts the same signature, by the same signer, once the rules that fit were applied for it.
 */
export interface WiderRule {
  /** What we do, as a sentence. */
  readonly rule: string;
  /** Why nothing is lost by it. */
  readonly why: string;
  /** Which profile has it. */
  readonly profiles: readonly Profile['name'][];
  /** What could be asked instead; nothing where the rule has no say. */
  repairs(question: Question): readonly Repair[];
}

const BOTH = ['operator', 'cosign'] as const;

const withBundle = (question: Question, bundle: Tree): Question => ({ ...question, tree: { ...question.tree, bundle } });
const materialOf = ({ tree }: Question): Tree => asTree(asTree(tree['bundle'])['verificationMaterial']);
const withMaterial = (question: Question, material: Tree): Question => withBundle(question, { ...asTree(question.tree['bundle']), verificationMaterial: material });
const plain = (question: Question): Repair => ({ question, views: [] });
const viewed = (question: Question, ...views: readonly View[]): Repair => ({ question, views });
const entriesOf = (question: Question): Tree[] => asTrees(materialOf(question)['tlogEntries']);

const LEGACY_ENTRY = 'dev.sigstore.cosign/bundle';
const LEGACY_TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

function withoutAnnotation(question: Question, name: string): readonly Repair[] {
  const { [name]: found, ...annotations } = asTree(question.tree['annotations']);
  return found === undefined ? [] : [plain({ ...question, tree: { ...question.tree, annotations } })];
}

/** Without any timestamp, and with each alone. */
function fewerTimestamps(question: Question): readonly Repair[] {
  if (!('bundle' in question.tree)) return withoutAnnotation(question, LEGACY_TIMESTAMP);
  const { timestampVerificationData: data, ...material } = materialOf(question);
  if (data === undefined) return [];
  const stamps = asTrees(asTree(data)['rfc3161Timestamps']);
  const alone = stamps.length < 2 ? [] : stamps.map((stamp) => plain(withMaterial(question, { ...material, timestampVerificationData: { rfc3161Timestamps: [stamp] } })));
  return [plain(withMaterial(question, material)), ...alone];
}

function knownEntries(question: Question): readonly Repair[] {
  const known = new Set(asTrees(asTree(question.tree['root'])['tlogs']).map((log) => asTree(log['checkpointKeyId'] ?? log['logId'])['keyId']));
  return keeping(question, (entry) => known.has(asTree(entry['logId'])['keyId']));
}

function distinctEntries(question: Question): readonly Repair[] {
  const seen = new Set<unknown>();
  return keeping(question, (entry) => {
    const identity = `${String(asTree(entry['logId'])['keyId'])} ${String(entry['canonicalizedBody'])}`;
    return seen.has(identity) ? false : seen.add(identity) !== undefined;
  });
}

function keeping(question: Question, keeps: (entry: Tree) => boolean): readonly Repair[] {
  const entries = entriesOf(question);
  const kept = entries.filter(keeps);
  return kept.length === entries.length ? [] : [plain(withMaterial(question, { ...materialOf(question), tlogEntries: kept }))];
}

function withoutEntries(question: Question): readonly Repair[] {
  if (question.log !== 'Ignored') return [];
  if (!('bundle' in question.tree)) return withoutAnnotation(question, LEGACY_ENTRY);
  return keeping(question, () => false);
}

function withoutLooseProofs(question: Question): readonly Repair[] {
  const entries = entriesOf(question);
  const loose = (entry: Tree): boolean => entry['inclusionPromise'] !== undefined && entry['inclusionProof'] !== undefined && asTree(entry['inclusionProof'])['checkpoint'] === undefined;
  const rest = entries.map((entry) => (loose(entry) ? without(entry, 'inclusionProof') : entry));
  return entries.some(loose) ? [plain(withMaterial(question, { ...materialOf(question), tlogEntries: rest }))] : [];
}

function without(tree: Tree, name: string): Tree {
  const { [name]: _, ...rest } = tree;
  return rest;
}

/** Names a note's signatures after the address that the trusted root has for the log of that id, and writes that address as a URL is written. */
function namedNotes(question: Question): readonly Repair[] {
  const root = asTree(question.tree['root']);
  const logs = asTrees(root['tlogs']);
  const entries = entriesOf(question).map((entry) => {
    const [proof, log] = [asTree(entry['inclusionProof']), logs.find((one) => asTree(one['logId'])['keyId'] === asTree(entry['logId'])['keyId'])];
    const note = asTree(proof['checkpoint'])['envelope'];
    if (typeof note !== 'string' || log === undefined) return entry;
    return { ...entry, inclusionProof: { ...proof, checkpoint: { envelope: note.replaceAll(/^\u2014 \S+/gm, `\u2014 ${hostOf(log['baseUrl'])}`) } } };
  });
  if (entries.length === 0) return [];
  const tlogs = logs.map((log) => ({ ...log, baseUrl: `https://${hostOf(log['baseUrl'])}` }));
  const named = withMaterial(question, { ...materialOf(question), tlogEntries: entries });
  return [plain({ ...named, tree: { ...named.tree, root: { ...root, tlogs } } })];
}

/** Of an address that is none, a name that stands for it. */
const hostOf = (url: unknown): string => (typeof url === 'string' && URL.canParse(url) && new URL(url).host) || 'unnamed.test';

/** The certificate looks as if it had only the SCT of this index, or none: its own signature is over all of them. */
function seeingScts(index: number | 'none'): View {
  return (entity) => {
    if (entity.key.$case !== 'certificate') return entity;
    const { certificate } = entity.key;
    const clone = certificate.clone.bind(certificate);
    certificate.clone = () => {
      const copy = clone();
      const at = copy.extensions.findIndex(({ subs }) => subs[0]?.toOID() === '1.3.6.1.4.1.11129.2.4.2');
      const extension = copy.extensions[at];
      if (extension === undefined) return copy;
      if (index === 'none') copy.extensions.splice(at, 1);
      else copy.extensions[at] = ASN1Obj.parseBuffer(Buffer.from(onlySct(extension.toDER(), index)));
      return copy;
    };
    return entity;
  };
}

const SCT_OID = Buffer.from('060a2b06010401d679020402', 'hex');

/** The Extension with one SCT of its list (RFC 6962, 3.3). */
function onlySct(extension: Buffer, index: number): Buffer {
  const scts = listedScts(extension);
  const sct = scts[index] ?? Buffer.alloc(0);
  const list = Buffer.concat([uint16(sct.length + 2), uint16(sct.length), sct]);
  const wrapped = (tag: number, body: Buffer): Buffer => Buffer.concat([Buffer.from(body.length < 0x80 ? [tag, body.length] : [tag, 0x82]), ...(body.length < 0x80 ? [] : [uint16(body.length)]), body]);
  const short = (tag: number, body: Buffer): Buffer => (body.length >= 0x80 && body.length < 0x1_00 ? Buffer.concat([Buffer.from([tag, 0x81, body.length]), body]) : wrapped(tag, body));
  return short(0x30, Buffer.concat([SCT_OID, short(0x04, short(0x04, list))]));
}

function listedScts(extension: Buffer): Buffer[] {
  const value = ASN1Obj.parseBuffer(Buffer.from(extension)).subs.at(-1)?.subs[0]?.value ?? Buffer.alloc(2);
  const scts: Buffer[] = [];
  for (let at = 2; at + 2 <= value.length; at += 2 + value.readUInt16BE(at)) scts.push(value.subarray(at + 2, at + 2 + value.readUInt16BE(at)));
  return scts;
}

const uint16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);

/** The SHA-2 that fits a curve, in the signature and in the log's digests. */
const byCurve: View = (entity) => {
  const { signature } = entity;
  const pae = (signature as unknown as { readonly preAuthEncoding?: Buffer }).preAuthEncoding;
  if (pae === undefined) return entity;
  const hashOf = (key: KeyObject): string => ({ secp384r1: 'sha384', secp521r1: 'sha512' })[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 'sha256';
  const isDigest = (digest: Buffer): boolean => ['sha256', 'sha384', 'sha512'].some((name) => createHash(name).update(pae).digest().equals(digest));
  const own = {
    signature: signature.signature,
    compareDigest: (digest: Buffer) => signature.compareDigest(digest),
    compareSignature: (other: Buffer) => signature.compareSignature(other),
    compareSignedDigest: isDigest,
    verifySignature: (key: KeyObject) => verify(hashOf(key), pae, key, signature.signature),
  };
  return { ...entity, signature: own };
};

/** Judged by the clock: as if a trusted time said `now`. */
const byClock: View = (entity, { now = 0 }) => {
  const tlogEntry = { ...entity.tlogEntries[0], inclusionPromise: {}, logId: { keyId: Buffer.alloc(0) }, integratedTime: String(Math.floor(now / 1000)) };
  return { ...entity, timestamps: [{ $case: 'transparency-log', tlogEntry }] } as unknown as SignedEntity;
};

/** The entry of kind rekord is judged here: its SET, its signature, its hash and its key (rekor, pkg/types/rekord/v0.0.1). */
const rekordByHand: View = (entity, { tree }) => {
  const [entry] = entity.tlogEntries;
  const body = asTree(JSON.parse(entry?.canonicalizedBody.toString('utf8') ?? '{}'));
  const [data, signature] = [asTree(asTree(body['spec'])['data']), asTree(asTree(body['spec'])['signature'])];
  const payload = Buffer.from(String(tree['payload']), 'base64');
  const log = asTrees(asTree(tree['root'])['tlogs']).find((one) => Buffer.from(String(asTree(one['logId'])['keyId']), 'base64').equals(entry?.logId.keyId ?? Buffer.alloc(0)));
  const pem = Buffer.from(String(asTree(signature['publicKey'])['content']), 'base64').toString('latin1');
  const holds =
    body['kind'] === 'rekord' &&
    asTree(data['hash'])['value'] === createHash('sha256').update(payload).digest('hex') &&
    signature['content'] === entity.signature.signature.toString('base64') &&
    Buffer.from(pem.replaceAll(/-----[A-Z ]+-----/g, ''), 'base64').equals(Buffer.from(String(tree['key']), 'base64')) &&
    entry !== undefined &&
    log !== undefined &&
    isPromised(entry, Buffer.from(String(asTree(log['publicKey'])['rawBytes']), 'base64'));
  if (!holds) throw new Error('the entry of kind rekord does not hold');
  return { ...entity, tlogEntries: [], timestamps: [] };
};

function isPromised(entry: SignedEntity['tlogEntries'][number], key: Buffer): boolean {
  const signed = { body: entry.canonicalizedBody.toString('base64'), integratedTime: Number(entry.integratedTime), logID: entry.logId.keyId.toString('hex'), logIndex: Number(entry.logIndex) };
  return verify('sha256', Buffer.from(JSON.stringify(signed)), { key, format: 'der', type: 'spki' }, entry.inclusionPromise?.signedEntryTimestamp ?? Buffer.alloc(0));
}

const ifRekord = (question: Question): readonly Repair[] => (LEGACY_ENTRY in asTree(question.tree['annotations']) ? [viewed({ ...question, log: 'Ignored' }, rekordByHand)] : []);

/** The entry as the log has it: what is said beside it is put right, and of Rekor v2 the body too. The stock library still compares it with the signature. */
function loggedEntries(question: Question): readonly Repair[] {
  const entries = entriesOf(question).map((entry) => {
    const body = parsed(entry['canonicalizedBody']);
    const made = 'hashedRekordV002' in asTree(body['spec']) ? remade(question) : undefined;
    if (made === undefined) return { ...entry, kindVersion: { kind: body['kind'], version: body['apiVersion'] } };
    const proof = { ...asTree(entry['inclusionProof']), logIndex: entry['logIndex'] };
    return { ...entry, kindVersion: { kind: 'hashedrekord', version: '0.0.2' }, canonicalizedBody: made.toString('base64'), inclusionProof: proof };
  });
  return entries.length === 0 ? [] : [plain(withMaterial(question, { ...materialOf(question), tlogEntries: entries }))];
}

function parsed(body: unknown): Tree {
  try {
    return asTree(JSON.parse(Buffer.from(String(body), 'base64').toString()));
  } catch {
    return {};
  }
}

function remade(question: Question): Buffer | undefined {
  const { payloadType, payload, signatures } = asTree(asTree(question.tree['bundle'])['dsseEnvelope']);
  const bytes = (value: unknown): Buffer => Buffer.from(String(value), 'base64');
  const content = SignedContent.ofEnvelope(String(payloadType), bytes(payload), bytes(asTrees(signatures)[0]?.['sig']));
  const raw = asTree(materialOf(question)['certificate'])['rawBytes'];
  try {
    if (raw === undefined) return tileEntryOf(content, { key: bytes(question.tree['key']) });
    return tileEntryOf(content, { key: new X509Certificate(bytes(raw)).publicKey.export({ type: 'spki', format: 'der' }), certificate: bytes(raw) });
  } catch {
    return undefined;
  }
}

/** The bundle in the one spelling that the library reads. */
function respelled(question: Question): readonly Repair[] {
  if (!('bundle' in question.tree)) return [];
  const loaded = asLoaded({ format: 'bundle', location: '', bytes: Buffer.from(JSON.stringify(question.tree['bundle'] ?? null)) }, COSIGN);
  return loaded === undefined ? [] : [plain(withBundle(question, asTree(JSON.parse(Buffer.from(loaded.bytes).toString('utf8')))))];
}

const MEMBERS = ['SignedEntryTimestamp', 'Payload', 'body', 'integratedTime', 'logIndex', 'logID', 'SignedRFC3161Timestamp'];

/** The annotations' members under the names that they are written under. */
function recased(question: Question): readonly Repair[] {
  const annotations = asTree(question.tree['annotations']);
  const renamed = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [MEMBERS.find((one) => one.toUpperCase() === name.toUpperCase()) ?? name, /^logid$/i.test(name) && typeof inner === 'string' ? inner.toLowerCase() : renamed(inner)]));
  };
  const changed = Object.fromEntries([LEGACY_ENTRY, LEGACY_TIMESTAMP].filter((name) => name in annotations).map((name) => [name, renamed(annotations[name])]));
  return Object.keys(changed).length === 0 ? [] : [plain({ ...question, tree: { ...question.tree, annotations: { ...annotations, ...changed } } })];
}

/** The certificate's PEM under its own label. */
function relabelled(question: Question): readonly Repair[] {
  const name = 'dev.sigstore.cosign/certificate';
  const annotations = asTree(question.tree['annotations']);
  const pem = annotations[name];
  if (typeof pem !== 'string') return [];
  return [plain({ ...question, tree: { ...question.tree, annotations: { ...annotations, [name]: pem.replaceAll(/(-----(?:BEGIN|END)) [A-Z ]+-----/g, '$1 CERTIFICATE-----') } } })];
}

/** The closed list. */
export const WIDER: readonly WiderRule[] = [
  {
    rule: 'a bundle may have either spelling of protobuf’s names and either alphabet of base64',
    why: 'cosign reads it so (protobuf, ProtoJSON); the operator refuses what is not in the one form that is written',
    profiles: ['cosign'],
    repairs: respelled,
  },
  {
    rule: 'a legacy log entry or timestamp may have its members in another case',
    why: 'cosign reads it so (Go, encoding/json); the operator refuses what is not in the one form that is written',
    profiles: ['cosign'],
    repairs: recased,
  },
  {
    rule: 'a legacy certificate counts whatever its PEM block is called',
    why: 'cosign does not look at the label; the operator does',
    profiles: ['cosign'],
    repairs: relabelled,
  },
  {
    rule: 'a timestamp that is not needed and cannot be verified is passed over',
    why: 'it attests nothing then; the time comes from somewhere else, or the signature fails',
    profiles: BOTH,
    repairs: fewerTimestamps,
  },
  { rule: 'a log entry is not looked at where none is asked for', why: 'nothing is concluded from it, its time neither', profiles: BOTH, repairs: withoutEntries },
  {
    rule: 'an entry of a log that the trust root does not know is passed over',
    why: 'it proves nothing either way; an entry of a known log is still demanded',
    profiles: BOTH,
    repairs: knownEntries,
  },
  {
    rule: 'of an entry only that counts which is in the log, not what is said beside it',
    why: 'cosign looks at the kind in the body, and of Rekor v2 makes the body itself of signature, content and signer',
    profiles: ['cosign'],
    repairs: loggedEntries,
  },
  { rule: 'an entry that is there twice counts once', why: 'the second says nothing new', profiles: ['operator'], repairs: distinctEntries },
  {
    rule: 'one SCT of a known CT log is enough',
    why: 'RFC 6962 asks that a log has seen it; an SCT of a log that has been retired does not take that away',
    profiles: BOTH,
    repairs: (question) => Array.from({ length: 4 }, (_, index) => viewed(question, seeingScts(index))),
  },
  {
    rule: 'an SCT is not looked at where none is asked for',
    why: 'whoever asks for none trusts the authority without a CT log',
    profiles: BOTH,
    repairs: (question) => (question.sct === 'Ignored' ? [viewed(question, seeingScts('none'))] : []),
  },
  {
    rule: 'a proof without a checkpoint beside a promise is passed over',
    why: 'bundles of version 0.1 have them; the promise (SET) is verified',
    profiles: ['operator'],
    repairs: withoutLooseProofs,
  },
  {
    rule: 'a log may sign its checkpoint under another name than its address',
    why: 'the name of a Rekor v1 is not part of what it signs: its key alone says whose checkpoint it is',
    profiles: BOTH,
    repairs: namedNotes,
  },
  {
    rule: 'an entry of kind rekord 0.0.1 counts',
    why: 'old cosign made them; SET, hash, signature and key are compared as with hashedrekord',
    profiles: BOTH,
    repairs: ifRekord,
  },
  {
    rule: 'a certificate’s key on P-384 or P-521 signs with the SHA-2 of its own length too',
    why: 'cosign 3 does so in bundles (protobuf-specs, PublicKeyDetails); the library knows SHA-256 there',
    profiles: BOTH,
    repairs: (question) => [viewed(question, byCurve)],
  },
  {
    rule: 'a certificate without any attested time is judged by the clock',
    why: 'cosign does so; the operator refuses it',
    profiles: ['cosign'],
    repairs: (question) => (question.now === undefined ? [] : [viewed(question, byClock)]),
  },
];

/** Most questions that are put to the stock library about one disagreement, and most rules that one may need. */
const MAX_ASKED = 300;
const MAX_RULES = 4;

/** Whether both mean the same signer. The stock library tells no subject that is neither a URI nor an e-mail address. */
export function sameSigner(ours: Accepted, theirs: Accepted): boolean {
  return (theirs.subject === '' || theirs.subject === ours.subject) && theirs.issuer === ours.issuer;
}

/** The fewest rules that explain why we accept what the stock library refuses; undefined where no combination of them does. */
export function explain(question: Question, profile: Profile['name'], ours: Accepted): readonly string[] | undefined {
  const rules = WIDER.filter(({ profiles }) => profiles.includes(profile));
  let asked = 0;
  const search = (from: number, repair: Repair, missing: number, used: readonly string[]): readonly string[] | undefined => {
    if (missing === 0) {
      asked += 1;
      const answer = asked > MAX_ASKED ? undefined : askStock(repair.question, repair.views);
      return answer?.accepted === true && sameSigner(ours, answer) ? used : undefined;
    }
    for (const [index, rule] of rules.entries()) {
      if (index < from) continue;
      for (const { question: other, views } of rule.repairs(repair.question)) {
        const found = search(index + 1, { question: other, views: [...repair.views, ...views] }, missing - 1, [...used, rule.rule]);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  };
  for (let count = 1; count <= MAX_RULES; count += 1) {
    const found = search(0, plain(question), count, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
