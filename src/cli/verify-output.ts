import type { ImageReference } from '../api/image-reference.ts';
import { printable } from '../base/text.ts';
import { certificateClaims } from '../signatures/identity.ts';
import { readPem } from '../signatures/pem.ts';
import { COSIGN } from '../signatures/profile.ts';
import { goField } from '../signatures/simple-signing.ts';
import type { BundleCandidate, Candidate, CertificateClaims, LegacyAttestationCandidate, LegacyCandidate, Proof } from '../signatures/types.ts';
import type { CliContext } from './context.ts';
import { InOrder, goJson } from './verify-json.ts';
import type { VerifyOptions } from './verify-options.ts';

/** A signature that counts, with what was proven of it. */
export interface Accepted {
  readonly candidate: Candidate;
  readonly proof: Proof;
}

/** The extensions of a certificate that are printed, by the last number of their OID, and what `-o text` calls them. */
const PRINTED: readonly (readonly [number, string, string])[] = [
  [2, 'githubWorkflowTrigger', 'GitHub Workflow Trigger'],
  [3, 'githubWorkflowSha', 'GitHub Workflow SHA'],
  [4, 'githubWorkflowName', 'GitHub Workflow Name'],
  [5, 'githubWorkflowRepository', 'GitHub Workflow Repository'],
  [6, 'githubWorkflowRef', 'GitHub Workflow Ref'],
];
const FULCIO = '1.3.6.1.4.1.57264.1.';

/** A reference as go-containerregistry names it: Docker Hub by its old name, the tag dropped where there is a digest. */
export function referenceName({ host, path, tag, digest }: ImageReference): string {
  const name = `${host === 'docker.io' ? 'index.docker.io' : host}/${path}`;
  return digest === undefined ? `${name}:${tag ?? 'latest'}` : `${name}@${digest}`;
}

/** What the header tells of a verified image beside its name. */
export interface Header {
  /** Whether a log entry of one of the signatures was verified; cosign says it of every bundle. */
  readonly logged: boolean;
  readonly byKey: boolean;
  readonly options: VerifyOptions;
}

/** Prints which checks were made (cosign, PrintVerificationHeader). */
export function printHeader(context: CliContext, name: string, { logged, byKey, options: { checkClaims, annotations } }: Header): void {
  const lines = [
    '',
    `Verification for ${name} --`,
    'The following checks were performed on each of these signatures:',
    ...(checkClaims && Object.keys(annotations).length > 0 ? ['  - The specified annotations were verified.'] : []),
    ...(checkClaims ? ['  - The cosign claims were validated'] : []),
    ...(logged ? ['  - Existence of the claims in the transparency log was verified offline'] : []),
    byKey
      ? '  - The signatures were verified against the specified public key'
      : '  - The code-signing certificate was verified using trusted certificate authority certificates',
  ];
  context.stderr(`${lines.map(printable).join('\n')}\n`);
}

/** Prints the verified signatures: one line of JSON, or the signed bytes and, on stderr, the certificates; attestations always as these. */
export function printAccepted(context: CliContext, name: string, accepted: readonly Accepted[], options: VerifyOptions): void {
  if (options.output === 'json' && options.command === 'verify') {
    context.stdout(`\n${goJson(accepted.map((one) => elementOf(one, name, options)))}\n`);
    return;
  }
  for (const one of accepted) {
    const { candidate } = one;
    if (candidate.format !== 'bundle') printCertificate(context, certificateIn(candidate));
    context.stdout(`${textOf(one, name, options)}\n`);
  }
}

function textOf(one: Accepted, name: string, options: VerifyOptions): string {
  const { candidate } = one;
  if (candidate.format === 'legacy') return new TextDecoder().decode(candidate.payload);
  if (candidate.format === 'legacy-attestation') return new TextDecoder().decode(candidate.envelope);
  return options.command === 'verify' && !options.localImage ? goJson(elementOf(one, name, options)) : goJson(envelopeOf(candidate));
}

/** The envelope of a bundle as Go writes it: its members in order, what is empty left out. */
function envelopeOf({ bytes }: BundleCandidate): InOrder {
  const { dsseEnvelope: envelope = {} } = JSON.parse(new TextDecoder().decode(bytes)) as { dsseEnvelope?: Readonly<Record<string, unknown>> };
  const signatures = Array.isArray(envelope['signatures']) ? (envelope['signatures'] as readonly Readonly<Record<string, unknown>>[]) : [];
  return new InOrder([
    ...present(envelope, ['payload', 'payloadType']),
    ['signatures', signatures.map((signature) => new InOrder(present(signature, ['sig', 'keyid'])))],
  ]);
}

function present(object: Readonly<Record<string, unknown>>, names: readonly string[]): (readonly [string, unknown])[] {
  return names.filter((name) => object[name] !== undefined && object[name] !== '').map((name) => [name, object[name]] as const);
}

function elementOf({ candidate, proof }: Accepted, name: string, { localImage }: VerifyOptions): InOrder {
  if (candidate.format === 'legacy') return legacyElement(candidate, proof);
  // cosign reads a bundle of a local image as if it were a payload, and finds nothing in it.
  if (localImage) return simpleSigning('', '', '', null);
  const [subject] = proof.subjects;
  return simpleSigning(name, subject?.digest ?? '', proof.type, subject?.annotations ?? {});
}

function simpleSigning(reference: string, digest: string, type: string, optional: unknown): InOrder {
  const critical = new InOrder([
    ['identity', new InOrder([['docker-reference', reference]])],
    ['image', new InOrder([['docker-manifest-digest', digest]])],
    ['type', type],
  ]);
  return new InOrder([
    ['critical', critical],
    ['optional', optional],
  ]);
}

function legacyElement(candidate: LegacyCandidate, proof: Proof): InOrder {
  const [subject] = proof.subjects;
  const added = { ...certificateEntries(certificateIn(candidate)), ...annotationEntries(candidate) };
  const signed = signedOptional(candidate);
  const optional = signed === undefined && Object.keys(added).length === 0 ? null : { ...signed, ...added };
  return simpleSigning(subject?.name ?? '', subject?.digest ?? '', proof.type, optional);
}

/** `optional` of the payload, found as Go finds it; absent and null are the same. */
function signedOptional({ payload }: LegacyCandidate): Record<string, unknown> | undefined {
  const content = JSON.parse(new TextDecoder().decode(payload)) as Record<string, unknown>;
  const found = Object.entries(content).findLast(([key]) => key.toLowerCase() === 'optional')?.[1];
  return typeof found === 'object' && found !== null ? (found as Record<string, unknown>) : undefined;
}

/** The certificate is printed wherever there is one, even where a key decided. */
function certificateIn({ annotations }: LegacyCandidate | LegacyAttestationCandidate): CertificateClaims | undefined {
  const pem = annotations['dev.sigstore.cosign/certificate'];
  const der = pem === undefined || pem === '' ? undefined : readPem(pem)[0]?.der;
  return der === undefined ? undefined : certificateClaims(der, 'legacy', COSIGN);
}

function certificateEntries(certificate: CertificateClaims | undefined): Record<string, unknown> {
  if (certificate === undefined) return {};
  const { issuer, subjects, extensions } = certificate;
  const entries: Record<string, unknown> = { Subject: subjects[0] ?? '' };
  if (issuer !== '') Object.assign(entries, { Issuer: issuer, [`${FULCIO}1`]: issuer });
  for (const [number, name] of PRINTED) {
    const value = extensions[`${FULCIO}${number}`];
    if (value) Object.assign(entries, { [name]: value, [`${FULCIO}${number}`]: value });
  }
  return entries;
}

function annotationEntries({ annotations }: LegacyCandidate): Record<string, unknown> {
  const read = (name: string): Record<string, unknown> | undefined => {
    const text = annotations[name];
    return text === undefined || text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
  };
  const entries: Record<string, unknown> = {};
  const bundle = read('dev.sigstore.cosign/bundle');
  if (bundle !== undefined) {
    // Names in another case are read by cosign, and written as they should be.
    const payload = goField(bundle, 'payload') as Record<string, unknown>;
    const fields = ['body', 'integratedTime', 'logIndex', 'logID'].map((name) => [name, goField(payload, name.toLowerCase())] as const);
    entries['Bundle'] = new InOrder([
      ['SignedEntryTimestamp', base64Of(goField(bundle, 'signedentrytimestamp'))],
      ['Payload', new InOrder(fields)],
    ]);
  }
  const timestamp = read('dev.sigstore.cosign/rfc3161timestamp');
  if (timestamp !== undefined) entries['RFC3161Timestamp'] = { SignedRFC3161Timestamp: base64Of(goField(timestamp, 'signedrfc3161timestamp')) };
  return entries;
}

/** Bytes that Go has read and writes anew: line breaks in them are gone. */
function base64Of(value: unknown): unknown {
  return typeof value === 'string' ? Buffer.from(value, 'base64').toString('base64') : value;
}

function printCertificate(context: CliContext, certificate: CertificateClaims | undefined): void {
  if (certificate === undefined) return;
  const { issuer, subjects, extensions } = certificate;
  const lines = [
    `Certificate subject: ${subjects[0] ?? ''}`,
    ...(issuer === '' ? [] : [`Certificate issuer URL: ${issuer}`]),
    ...PRINTED.flatMap(([number, , label]) => {
      const value = extensions[`${FULCIO}${number}`];
      return value ? [`${label}: ${value}`] : [];
    }),
  ];
  // What a signer has in a certificate must not steer the terminal of whoever verifies it.
  context.stderr(`${lines.map(printable).join('\n')}\n`);
}
