import type { ImageReference } from '../api/image-reference.ts';
import { printable } from '../base/text.ts';
import { certificateClaims } from '../signatures/identity.ts';
import { readPem } from '../signatures/pem.ts';
import { COSIGN } from '../signatures/profile.ts';
import type { Candidate, CertificateClaims, LegacyCandidate, Proof } from '../signatures/types.ts';
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

/** Prints which checks were made (cosign, PrintVerificationHeader). */
export function printHeader(context: CliContext, image: ImageReference, logged: boolean, options: VerifyOptions): void {
  const { checkClaims, annotations, keyReference } = options;
  const lines = [
    '',
    `Verification for ${referenceName(image)} --`,
    'The following checks were performed on each of these signatures:',
    ...(checkClaims && Object.keys(annotations).length > 0 ? ['  - The specified annotations were verified.'] : []),
    ...(checkClaims ? ['  - The cosign claims were validated'] : []),
    ...(logged ? ['  - Existence of the claims in the transparency log was verified offline'] : []),
    keyReference === undefined
      ? '  - The code-signing certificate was verified using trusted certificate authority certificates'
      : '  - The signatures were verified against the specified public key',
  ];
  context.stderr(`${lines.join('\n')}\n`);
}

/** Prints the verified signatures: one line of JSON, or the signed bytes and, on stderr, the certificates. */
export function printAccepted(context: CliContext, image: ImageReference, accepted: readonly Accepted[], { output }: VerifyOptions): void {
  if (output === 'json') {
    context.stdout(`\n${goJson(accepted.map((one) => elementOf(one, image)))}\n`);
    return;
  }
  for (const one of accepted) {
    const { candidate } = one;
    if (candidate.format !== 'legacy') {
      context.stdout(`${goJson(elementOf(one, image))}\n`);
      continue;
    }
    printCertificate(context, certificateIn(candidate));
    context.stdout(`${new TextDecoder().decode(candidate.payload)}\n`);
  }
}

function elementOf({ candidate, proof }: Accepted, image: ImageReference): InOrder {
  if (candidate.format === 'legacy') return legacyElement(candidate, proof);
  const [subject] = proof.subjects;
  return simpleSigning(referenceName(image), subject?.digest ?? '', proof.type, subject?.annotations ?? {});
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
function certificateIn({ annotations }: LegacyCandidate): CertificateClaims | undefined {
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
    const payload = bundle['Payload'] as Record<string, unknown>;
    const fields = ['body', 'integratedTime', 'logIndex', 'logID'].map((name) => [name, payload[name]] as const);
    entries['Bundle'] = new InOrder([
      ['SignedEntryTimestamp', bundle['SignedEntryTimestamp']],
      ['Payload', new InOrder(fields)],
    ]);
  }
  const timestamp = read('dev.sigstore.cosign/rfc3161timestamp');
  if (timestamp !== undefined) entries['RFC3161Timestamp'] = { SignedRFC3161Timestamp: timestamp['SignedRFC3161Timestamp'] };
  return entries;
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
