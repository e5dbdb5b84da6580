import { AT, IMAGE, ISSUER, keyOf, MINUTE, SUBJECT } from '../support/signatures.ts';
import { promiseOf, type LogEntry } from '../support/sigstore/log.ts';
import { signWith } from '../support/sigstore/keys.ts';
import type { LegacySignature, SignOptions, TestSigner } from '../support/sigstore/sign.ts';
import type { TrustedRootJson } from '../support/sigstore/trusted-root.ts';
import { FORGED, owner, person, release, root, rsa, stranger, twin, username, world } from './cast.ts';
import { applyEdit, editDer, editNote, type Edit, type Tree } from './edits.ts';
import { treeOf, type Question } from './question.ts';

const CHECKED = [world.authority.ctLog, stranger.authority.ctLog];

type Made = LegacySignature | object;
type Asked = Partial<Pick<Question, 'log' | 'sct' | 'timestamp' | 'now'>> & { readonly key?: TestSigner & { kind: 'key' }; readonly root?: TrustedRootJson };

/** What both are asked about something that was made. */
export function question(name: string, made: Made, { key, root: trusted = root, log = 'Required', sct = 'Required', timestamp, now }: Asked = {}): Question {
  return { name, tree: treeOf(made, trusted, key && keyOf(key)), log, sct, ...(timestamp && { timestamp }), ...(now === undefined ? {} : { now }) };
}

const bundle = (options: SignOptions = {}, signer: TestSigner = release): Made => world.bundle(signer, IMAGE, options);
const legacy = (options: SignOptions = {}, signer: TestSigner = release): Made => world.legacySignature(signer, IMAGE, options);

/** A bundle with the log entries of another besides: each is about its own signature, so that only one of them fits. */
function withEntries(made: Made, other: Made): Made {
  const [mine, theirs] = [structuredClone(made), other] as { verificationMaterial: { tlogEntries: unknown[] } }[];
  mine?.verificationMaterial.tlogEntries.push(...(theirs?.verificationMaterial.tlogEntries ?? []));
  return mine ?? {};
}

/** A bundle of an older form: a chain in the place of the certificate, a promise in the place of the proof. */
function older(made: Made, version: '0.1' | '0.2'): Made {
  const { verificationMaterial: { certificate, tlogEntries = [], ...material }, ...rest } = structuredClone(made) as { verificationMaterial: Tree & { tlogEntries?: Tree[] } };
  const entries = version === '0.2' ? tlogEntries : tlogEntries.map(({ inclusionProof: _, ...entry }) => entry);
  const chain = { certificates: [certificate, { rawBytes: world.authority.intermediate.certificate.toString('base64') }] };
  return { ...rest, mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}`, verificationMaterial: { ...material, x509CertificateChain: chain, tlogEntries: entries } };
}

/** Genuine signatures of every form. Everybody accepts each of them, but for what its name says. */
export const GENUINE: readonly Question[] = [
  question('bundle in Rekor v2', bundle()),
  question('bundle in Rekor v2 as dsse', bundle({ entryKind: 'dsse' })),
  question('bundle in Rekor v1', bundle({ log: 'v1' })),
  question('bundle in Rekor v1 as intoto', bundle({ log: 'v1', entryKind: 'intoto' })),
  question('bundle in Rekor v1, stamped', bundle({ log: 'v1', timestamp: true })),
  question('bundle in Rekor v1 without a promise, stamped', bundle({ log: 'v1', timestamp: true, entry: ({ promise: _, ...entry }) => ({ ...entry, integratedTime: 0 }) })),
  question('bundle without a log, stamped', bundle({ log: 'none', timestamp: true }), { log: 'Ignored' }),
  question('bundle of version 0.1', older(bundle({ log: 'v1' }), '0.1')),
  question('bundle of version 0.2', older(bundle({ log: 'v1' }), '0.2')),
  question('bundle with two SCTs', bundle({ certificate: { ctLogs: CHECKED } })),
  question('bundle without an SCT, none asked for', bundle({ certificate: { ctLogs: [] } }), { sct: 'Ignored' }),
  question('bundle with an SCT, none asked for', bundle(), { sct: 'Ignored' }),
  question('bundle for an e-mail address', bundle({}, person)),
  question('bundle by Ed25519', bundle({ log: 'v1' }, { ...release, keyType: 'Ed25519' })),
  question('bundle by P-384 with SHA-256', bundle({ log: 'v1', hash: 'sha256' }, { ...release, keyType: 'P-384' })),
  question('legacy', legacy()),
  question('legacy, stamped', legacy({ timestamp: true })),
  question('legacy with annotations', legacy({ annotations: { env: 'prod', team: 'a' } })),
  question('legacy by a key', legacy({}, owner), { key: owner }),
  question('legacy by a key without a log', legacy({ log: 'none' }, owner), { key: owner, log: 'Ignored' }),
  question('legacy by an RSA key', legacy({}, rsa), { key: rsa }),
  question('bundle by a key in Rekor v1', bundle({ log: 'v1' }, owner), { key: owner }),
  question('bundle by a key in Rekor v2', bundle({}, owner), { key: owner }),
  question('bundle by a key in Rekor v2, stamped', bundle({ timestamp: true }, owner), { key: owner }),
];

/** Not accepted by both to begin with: seeds for edits beside which the rules of one side alone apply. */
export const CONTESTED: readonly Question[] = [
  question('bundle with an entry of another signature', withEntries(bundle({ log: 'v1' }), bundle({ log: 'v1' }))),
  question('bundle with an entry of an unknown log', withEntries(bundle({ log: 'v1' }), bundle({ log: 'v1', services: { rekorV1: twin.rekorV1 } }))),
  question('bundle with an unknown SCT beside', bundle({ certificate: { ctLogs: [world.authority.ctLog, twin.authority.ctLog] } })),
  question('bundle with a token of an unknown authority', bundle({ log: 'v1', timestamp: true, services: { timestampAuthority: twin.timestampAuthority } })),
  question('bundle in an unknown log, none asked for', bundle({ log: 'v1', timestamp: true, services: { rekorV1: twin.rekorV1 } }), { log: 'Ignored' }),
  question('bundle for a username', bundle({}, username)),
  question('legacy as rekord', legacy({ entryKind: 'rekord' }, owner), { key: owner }),
  question('bundle by P-384', bundle({}, { ...release, keyType: 'P-384' })),
  question('bundle without any time, by the clock', bundle({ timestamp: false, log: 'v2' }), { now: AT + MINUTE }),
];

const SEEDS = [...GENUINE, ...CONTESTED];
const at = <Value>(list: readonly Value[], index: number): Value => list[index % list.length] as Value;

/** What somebody else has in the same places. */
const DONORS: readonly Tree[] = [
  treeOf(stranger.bundle(stranger.keyless({ subject: 'eve@evil.test', issuer: ISSUER }), IMAGE, { log: 'v1', timestamp: true }), stranger.trustedRoot(), keyOf(world.key())),
  treeOf(twin.legacySignature(twin.keyless({ subject: SUBJECT, issuer: ISSUER }), IMAGE, { timestamp: true }), twin.trustedRoot(), keyOf(rsa)),
  ...GENUINE.map(({ tree }) => tree),
];

/** A mutation: one of the seeds, or something made wrong from a step on, and edits of what then exists. */
export interface Mutation {
  readonly seed: number;
  /** Bends a step while the signature is made, so that everything after it fits. Absent: only `edits`. */
  readonly bend?: Edit;
  readonly edits: readonly Edit[];
}

const edited = (tree: Tree, edit: Edit): Tree => {
  applyEdit(tree, edit, at(DONORS, edit.what));
  return tree;
};

function bentJson(bytes: Buffer, edit: Edit): Buffer {
  return Buffer.from(JSON.stringify(edited(JSON.parse(bytes.toString('utf8')) as Tree, edit)));
}

/** The log signs whatever note it is given. */
function signedNote(checkpoint: string, edit: Edit, log: typeof world.rekorV1): string {
  const note = editNote(checkpoint, edit.what).split('\n\n')[0] ?? '';
  const text = `${note.trimEnd()}\n`;
  const signature = Buffer.concat([log.logId.subarray(0, 4), signWith(log.key, Buffer.from(text))]).toString('base64');
  return `${text}\n\u2014 ${log.host} ${signature}\n`;
}

const promised = (entry: LogEntry): LogEntry => ({ ...entry, promise: promiseOf(world.rekorV1, entry) });
const TIMES = [-86_400, -1, 1, 599, 600, 601, 3600, 86_400, -AT / 1000, 2 ** 33];

/** Steps that can be bent, each with what the signature is made with. */
const BENDS: readonly ((edit: Edit) => SignOptions)[] = [
  (edit) => ({ certificate: { ctLogs: [], encoded: (tbs) => editDer(tbs, edit) } }),
  (edit) => ({ certificate: { ctLogs: [], encoded: (tbs) => editDer(editDer(tbs, edit), { ...edit, where: edit.what, what: edit.where }) } }),
  (edit) => ({ certificate: { timestamp: (sct) => (edit.what % 2 === 0 ? editDer(sct, edit) : Buffer.concat([sct, Buffer.from([edit.what & 0xff])])) } }),
  (edit) => ({ body: (body) => bentJson(Buffer.from(JSON.stringify(body)), edit) }),
  (edit) => ({ payload: (text) => bentJson(Buffer.from(text), edit).toString('utf8') }),
  (edit) => ({ payload: (text) => `${text.slice(0, edit.where % text.length)}${at([' ', '\n', '\u0000', '\\u0000', '{}', '"', ',"a":1', '\ufeff'], edit.what)}${text.slice(edit.where % text.length)}` }),
  (edit) => ({ timestamp: true, token: { info: (info) => editDer(info, edit) } }),
  (edit) => ({ entry: (entry) => ({ ...entry, proof: { ...entry.proof, checkpoint: signedNote(entry.proof.checkpoint, edit, entry.promise ? world.rekorV1 : world.rekorV2) } }) }),
  (edit) => ({ log: 'v1', entry: (entry) => promised({ ...entry, integratedTime: entry.integratedTime + at(TIMES, edit.what) }) }),
  (edit) => ({ log: 'v1', entry: (entry) => promised({ ...entry, logIndex: at([0, 1, 2 ** 40, 2 ** 53, -1], edit.what) }) }),
  (edit) => ({ timestamp: true, stampedAt: AT + at([-1, 0, 599, 600, 601, 3600], edit.what) * 1000 }),
  (edit) => ({ signature: (bytes) => editDer(bytes, edit) }),
  (edit) => ({ services: at([{ authority: twin.authority }, { rekorV1: twin.rekorV1 }, { rekorV2: twin.rekorV2 }, { timestampAuthority: twin.timestampAuthority }, { authority: stranger.authority }, { rekorV2: stranger.rekorV2 }], edit.what) }),
  (edit) => ({ services: at(FORGED, edit.what) }),
  (edit) => ({ logged: (told) => at([{ ...told, key: owner.key }, { ...told, message: Buffer.from('else') }, { ...told, signature: Buffer.from('else') }, { ...told, hash: 'sha512' as const }], edit.what) }),
];

const FORMS: readonly ((how: SignOptions) => Question)[] = [
  (how) => question('bundle', bundle({ ...how, timestamp: true }), { sct: how.certificate?.ctLogs?.length === 0 ? 'Ignored' : 'Required' }),
  (how) => question('bundle in v1', bundle({ log: 'v1', ...how }), { sct: how.certificate?.ctLogs?.length === 0 ? 'Ignored' : 'Required' }),
  (how) => question('bundle in v1, stamped', bundle({ log: 'v1', timestamp: true, ...how }), { sct: how.certificate?.ctLogs?.length === 0 ? 'Ignored' : 'Required' }),
  (how) => question('legacy', legacy({ ...how, log: 'v1' }), { sct: how.certificate?.ctLogs?.length === 0 ? 'Ignored' : 'Required' }),
  (how) => question('legacy by a key', legacy({ ...how, log: 'v1' }, owner), { key: owner }),
];

/** The question that a mutation makes. */
export function mutated({ seed, bend, edits }: Mutation): Question {
  const base = bend === undefined ? at(SEEDS, seed) : bent(seed, bend);
  const tree = structuredClone(base.tree);
  for (const edit of edits) edited(tree, edit);
  return { ...base, tree };
}

function bent(seed: number, bend: Edit): Question {
  const step = at(BENDS, bend.how);
  try {
    const made = at(FORMS, seed)(step(bend));
    return { ...made, name: `${made.name}, step ${bend.how % BENDS.length} bent` };
  } catch {
    // Some bends leave nothing that can be signed or logged on.
    return at(GENUINE, seed);
  }
}
