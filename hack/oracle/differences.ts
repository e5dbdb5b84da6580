import type { Case } from '../../test/oracle/cases.ts';
import type { Answer } from './answers.ts';

/** Where assay is meant to answer otherwise than cosign. */
export interface Difference {
  readonly name: string;
  /** Why, in a sentence that a user can be told. */
  readonly reason: string;
  /** Whether the two answers differ for this reason; as narrow as can be. */
  readonly covers: (answers: Answers) => boolean;
}

/** A case and what both said. */
export interface Answers {
  readonly one: Case;
  readonly cosign: Answer;
  readonly assay: Answer;
}

type Covers = Difference['covers'];
const has = ({ one }: Answers, ...kinds: readonly RegExp[]): boolean => kinds.some((kind) => one.kinds.some((name) => kind.test(name)));
/** assay refuses with this text, whatever cosign does. */
const refusing = (text: RegExp): Covers => ({ assay }) => assay.code !== 0 && text.test(assay.stderr);
/** Both refuse with these exit codes, assay for a reason of its own. */
const bothRefuse = (codes: { readonly cosign: readonly number[]; readonly assay: readonly number[] }, covers: Covers): Covers => (answers) =>
  codes.cosign.includes(Number(answers.cosign.code)) && codes.assay.includes(Number(answers.assay.code)) && covers(answers);
/** assay refuses what cosign accepts, and only where the case has this. */
const stricterAbout = (...kinds: readonly RegExp[]): Covers => (answers) => answers.assay.code !== 0 && has(answers, ...kinds);
/** Both accept, and print otherwise where the case has this. */
const printing = (...kinds: readonly RegExp[]): Covers => (answers) => answers.cosign.code === 0 && answers.assay.code === 0 && has(answers, ...kinds);

const LOOKED = /the answer was \d+|the bytes that came are|it is not JSON|not a manifest of signatures|of Docker schema 1|is not what its digest says|has no list of/;

/** What the registry does where it fails, forbids, or sends something else; not where it redirects, asks for credentials or is merely old. */
const FAILING = /^registry\.(?:blob|manifest|referrers|fallback|sig|image)(?:\d{3}|[A-Z]\w*)$|^sig\./;

/** The closed list: whatever else differs is a mistake. Where assay accepts what cosign refuses, the reason says why nothing is lost. */
export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'a failed look is no answer',
    reason: 'cosign takes a registry that fails, forbids or sends something else for one that has no signatures; assay says what failed',
    covers: bothRefuse({ cosign: [1, 10, 12], assay: [1] }, (answers) => refusing(LOOKED)(answers) && has(answers, FAILING)),
  },
  {
    name: 'Docker schema 1',
    reason: 'a manifest that says version 1 of its schema is not read',
    covers: (answers) => refusing(/of Docker schema 1/)(answers) && has(answers, /^sig\.schema1$/),
  },
  {
    name: 'a trusted root is proven when it is read',
    reason: 'every chain must lead to its own root and every member say since when it counts; cosign finds out when it needs the member, or never',
    covers: (answers) => refusing(/setting trusted material: loading trusted root/)(answers) && has(answers, /^root\./),
  },
  { name: 'weak keys', reason: 'RSA keys of less than 2048 bits and the curve P-224 are refused', covers: refusing(/RSA keys need at least 2048|is on curve secp224r1/) },
  { name: 'weak keys of certificates', reason: 'the same, where the words are cosign\u2019s', covers: stricterAbout(/^(?:P-224|RSA-1024) certificate$/) },
  {
    name: 'a signer is no authority, and may sign code',
    reason: 'Go lets a certificate without extended key usage do everything, and a certificate authority sign',
    covers: refusing(/that of a certificate authority|is not for code signing/),
  },
  {
    name: 'a tag is resolved by HEAD',
    reason: 'the digest is the registry\u2019s word, as for a pull; cosign reads the manifest and hashes it. Signatures are of that digest or count for nothing',
    covers: (answers) => answers.assay.code !== 0 && has(answers, /^registry\.image(?:OtherDigest|BadDigest)$/),
  },
  {
    name: 'media types with parameters',
    reason: 'application/vnd.oci.image.index.v1+json; charset=utf-8 is that media type (RFC 9110, 8.3.1); cosign takes such an answer for none',
    covers: (answers) => answers.cosign.code !== 0 && has(answers, /^registry\.referrersTypeParameter$/),
  },
  {
    name: 'a log\u2019s entry is as Rekor writes it',
    reason: 'names in another case, hashes in upper case and more than one key are never in a genuine log; Go reads them',
    covers: stricterAbout(/^log\.(?:bodyCase|hashUpperCase|keyTwice|bodyUnknownSpec)$/),
  },
  {
    name: 'which of several bundles or layers fails',
    reason: 'the same entries, where a bundle that cosign does not load is told instead of passed over',
    covers: bothRefuse({ cosign: [1, 10], assay: [1, 10] }, (answers) => has(answers, /^log\.body/, /^log\.kind/, /^log\.version/) && /no signatures found/.test(answers.cosign.stderr + answers.assay.stderr)),
  },
  {
    name: 'a bundle whose entry does not hold in itself',
    reason: 'Go holds the signature of a hashedrekord against its digest while it loads the bundle, and passes over one that does not hold; assay loads and refuses it',
    covers: bothRefuse({ cosign: [10], assay: [1] }, (answers) => has(answers, / hashedrekord$/) && /failed to verify log inclusion|validation error/.test(answers.assay.stderr)),
  },
  { name: 'a certificate that Go cannot read', reason: 'cosign passes over a bundle whose log entry has such a certificate; assay loads and refuses it', covers: bothRefuse({ cosign: [10, 12], assay: [1] }, (answers) => has(answers, /twice$/i, /issuerOther|malformed/) && has(answers, /\bbundle\b/)) },
  { name: 'a certificate is well-formed in all that is read of it', reason: 'the issuer of OID .8 is DER; cosign prints .1 of a legacy signature and does not look', covers: stricterAbout(/^malformedIssuer$/) },
  { name: 'PEM has no headers', reason: 'RFC 7468 forbids them in certificates; Go passes over them', covers: stricterAbout(/^annotations\.certificate\.header$/) },
  { name: 'annotations that mean nothing', reason: 'null for a timestamp and times before 1970 are refused, also where nobody asks for them', covers: stricterAbout(/^annotations\.stamp\.null$/, /^log\.timeNegativePromised$/) },
  { name: 'a statement has a bound', reason: 'at most 1,024 subjects, in a legacy attestation too', covers: stricterAbout(/^statement\.(?:subjects1025|digests33)$/) },
  { name: 'integers with an exponent', reason: '1e0 is the integer 1 (RFC 8259, 6); Go refuses it', covers: (answers) => has(answers, /^annotations\.bundle\.timeExponent$/) && /cannot unmarshal number/.test(answers.cosign.stderr) },
  { name: 'a member that is twice in optional', reason: 'Go merges both objects and prints the sum; assay prints the last', covers: printing(/^payload\.optionalTw/) },
  { name: 'a subject of several digests', reason: 'cosign prints one of them at random; assay prints the SHA-256', covers: printing(/^statement\.(?:sha512Too|otherAlgorithmFirst|otherSha1First)$/) },
];
