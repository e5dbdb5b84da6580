import { ISSUER, MINUTE, SUBJECT } from '../support/signatures.ts';
import { flip } from '../support/sigstore/flip.ts';
import type { Artifact, Bundle, LegacySignature, SignOptions, TestSigner } from '../support/sigstore/sign.ts';
import { owner, release, twin, world } from './cast.ts';
import { placesOf, readTree } from './der-tree.ts';
import { editDer } from './edits.ts';

/** One signature about which we and the stock library disagree, made for any image, so that the real cosign can be asked too. */
export interface NamedCase {
  /** The rule of the closed list that it is a case of. */
  readonly rule: string;
  readonly make: (image: Artifact) => Bundle | LegacySignature;
  readonly key?: TestSigner & { kind: 'key' };
  readonly log?: 'Ignored';
  readonly sct?: 'Ignored';
  readonly timestamp?: 'Required';
  /** Moment at which it is judged where no time is attested; milliseconds. */
  readonly now?: number;
}

const bundle = (options: SignOptions, signer: TestSigner = release) => (image: Artifact): Bundle => world.bundle(signer, image, options);

function editing(make: (image: Artifact) => Bundle, edit: (material: Bundle['verificationMaterial']) => Bundle['verificationMaterial']) {
  return (image: Artifact): Bundle => {
    const made = make(image);
    return { ...made, verificationMaterial: edit(made.verificationMaterial) };
  };
}

type Entry = Record<string, unknown>;
const entriesOf = ({ tlogEntries = [] }: Bundle['verificationMaterial']): Entry[] => tlogEntries;
const asOf = (version: string, made: Bundle): Bundle => ({ ...made, mediaType: `application/vnd.dev.sigstore.bundle+json;version=${version}` });

function renamedNote(entry: Entry): Entry {
  const proof = entry['inclusionProof'] as { checkpoint: { envelope: string } };
  return { ...entry, inclusionProof: { ...proof, checkpoint: { envelope: proof.checkpoint.envelope.replace(/^\u2014 \S+/m, '\u2014 other.test') } } };
}

/** A certificate that is valid at the moment of asking. */
const fresh = (): SignOptions => ({ at: Date.now() - MINUTE, timestamp: false });

/** A case for each rule by which we accept what the stock library refuses. */
export const CASES: readonly NamedCase[] = [
  {
    rule: 'a bundle may have either spelling of protobuf’s names and either alphabet of base64',
    make: editing(bundle({}), ({ timestampVerificationData: stamps, ...rest }) => ({ ...rest, timestamp_verification_data: stamps })),
  },
  { rule: 'a legacy log entry or timestamp may have its members in another case', make: recased },
  { rule: 'a legacy certificate counts whatever its PEM block is called', make: relabelled },
  { rule: 'a timestamp that is not needed and cannot be verified is passed over', make: bundle({ log: 'v1', timestamp: true, services: { timestampAuthority: twin.timestampAuthority } }) },
  {
    rule: 'a log entry is not looked at where none is asked for',
    make: bundle({ log: 'v1', timestamp: true, services: { rekorV1: twin.rekorV1 } }),
    log: 'Ignored',
    timestamp: 'Required',
  },
  {
    rule: 'an entry of a log that the trust root does not know is passed over',
    make: (image) => {
      const [mine, theirs] = [world.bundle(release, image, { log: 'v1' }), twin.bundle(release, image, { log: 'v1' })];
      return { ...mine, verificationMaterial: { ...mine.verificationMaterial, tlogEntries: [...entriesOf(mine.verificationMaterial), ...entriesOf(theirs.verificationMaterial)] } };
    },
  },
  {
    rule: 'of an entry only that counts which is in the log, not what is said beside it',
    make: editing(bundle({ log: 'v1' }), (material) => ({ ...material, tlogEntries: entriesOf(material).map((entry) => ({ ...entry, kindVersion: { kind: 'hashedrekord', version: '0.0.1' } })) })),
  },
  { rule: 'an entry that is there twice counts once', make: editing(bundle({ log: 'v1' }), (material) => ({ ...material, tlogEntries: [...entriesOf(material), ...entriesOf(material)] })) },
  { rule: 'one SCT of a known CT log is enough', make: bundle({ certificate: { ctLogs: [world.authority.ctLog, twin.authority.ctLog] } }) },
  { rule: 'an SCT is not looked at where none is asked for', make: bundle({ certificate: { timestamp: (bytes) => flip(bytes) } }), sct: 'Ignored' },
  {
    rule: 'a proof without a checkpoint beside a promise is passed over',
    make: (image) =>
      asOf('0.1', editing(bundle({ log: 'v1' }), (material) => ({ ...material, tlogEntries: entriesOf(material).map((entry) => ({ ...entry, inclusionProof: { logIndex: '1', rootHash: 'AAAA', treeSize: '2', hashes: [] } })) }))(image)),
  },
  { rule: 'a log may sign its checkpoint under another name than its address', make: editing(bundle({ log: 'v1' }), (material) => ({ ...material, tlogEntries: entriesOf(material).map(renamedNote) })) },
  { rule: 'an entry of kind rekord 0.0.1 counts', make: (image) => world.legacySignature(owner, image, { entryKind: 'rekord' }), key: owner },
  { rule: 'a certificate’s key on P-384 or P-521 signs with the SHA-2 of its own length too', make: bundle({}, { ...release, keyType: 'P-384' }) },
  { rule: 'a certificate without any attested time is judged by the clock', make: (image) => world.bundle(release, image, { log: 'none', ...fresh() }), log: 'Ignored', now: Date.now() },
];

/** What was once accepted by us alone and is refused now; kept beside cosign's answers to them. */
export const REFUSED: readonly (NamedCase & { readonly reason: RegExp })[] = [
  {
    rule: 'a checkpoint ends with a line end',
    make: editing(bundle({ log: 'v1' }), (material) => ({
      ...material,
      tlogEntries: entriesOf(material).map((entry) => {
        const proof = entry['inclusionProof'] as { checkpoint: { envelope: string } };
        return { ...entry, inclusionProof: { ...proof, checkpoint: { envelope: proof.checkpoint.envelope.trimEnd() } } };
      }),
    })),
    reason: /not a signed note/,
  },
  { rule: 'a legacy entry has the SHA-256 of the payload', make: (image) => world.legacySignature(owner, image, { logged: (told) => ({ ...told, hash: 'sha512' }) }), key: owner, reason: /another hash/ },
  { rule: 'a certificate is DER in all its parts', make: bundle({ certificate: { ctLogs: [], encoded: longLength } }), sct: 'Ignored', reason: /length that is not minimal/ },
  { rule: 'an extension of a certificate is DER too', make: bundle({ certificate: { ctLogs: [], encoded: longIdentifier } }), sct: 'Ignored', reason: /length that is not minimal/ },
  {
    rule: 'a certificate names its issuer in the same bytes',
    make: bundle({ certificate: { ctLogs: [], encoded: (tbs) => Buffer.from(tbs.toString('latin1').replace('\x0c\x0cintermediate', '\x16\x0cintermediate'), 'latin1') } }),
    sct: 'Ignored',
    reason: /is not issued by/,
  },
  { rule: 'a certificate’s times are times', make: bundle({ certificate: { ctLogs: [], encoded: noTime } }), sct: 'Ignored', reason: /malformed time/ },
];

function relabelled(image: Artifact): LegacySignature {
  const { payload, annotations } = world.legacySignature(release, image);
  const name = 'dev.sigstore.cosign/certificate';
  return { payload, annotations: { ...annotations, [name]: (annotations[name] ?? '').replaceAll('CERTIFICATE', 'PUBLIC KEY') } };
}

function recased(image: Artifact): LegacySignature {
  const { payload, annotations } = world.legacySignature(release, image);
  const name = 'dev.sigstore.cosign/bundle';
  return { payload, annotations: { ...annotations, [name]: (annotations[name] ?? '').replace('"body"', '"BODY"') } };
}

/** A quotation mark in the place of a digit of the hour at which the certificate begins. */
function noTime(tbs: Buffer): Buffer {
  return Buffer.from(tbs.toString('latin1').replace('261120120000Z', '2611201"0000Z'), 'latin1');
}

/** Writes the length of a certificate's key in one byte more than it needs, and of what is around it. */
function longLength(tbs: Buffer): Buffer {
  const at = tbs.indexOf(Buffer.from('3059301306072a8648ce3d0201', 'hex'));
  return wrapped(tbs.subarray(4, at), Buffer.from([0x30, 0x81, 0x59]), tbs.subarray(at + 2));
}

/** The same of the authority's key identifier (20 bytes), inside of its extension. */
function longIdentifier(tbs: Buffer): Buffer {
  return editDer(tbs, { how: 0, where: placesOf(readTree(tbs) ?? []).findIndex(({ list, index }) => list[index]?.tag === 0x80), what: 4 });
}

function wrapped(...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0x30, 0x82, content.length >> 8, content.length & 0xff]), content]);
}

/** The arguments with which cosign is asked the same, but for the image. */
export function cosignArguments({ key, log, sct, timestamp }: NamedCase, files: { readonly root: string; readonly key: string }): string[] {
  return [
    'verify',
    `--trusted-root=${files.root}`,
    ...(key === undefined ? [`--certificate-identity=${SUBJECT}`, `--certificate-oidc-issuer=${ISSUER}`] : [`--key=${files.key}`]),
    ...(log === 'Ignored' ? ['--insecure-ignore-tlog'] : []),
    ...(timestamp === 'Required' ? ['--use-signed-timestamps'] : []),
    ...(sct === 'Ignored' ? ['--insecure-ignore-sct'] : []),
  ];
}
