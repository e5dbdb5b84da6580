import type { Row } from './row.ts';

/** Published advisories of products that verify images, artifacts and updates, and what each teaches. The order is that of the survey that they come from. */
export const ADVISORIES: readonly Row[] = [
  {
    id: 'CVE-2026-122321 (Kyverno)',
    lesson: 'A verdict is about a digest and is kept by digest; a tag is resolved once, and what was verified is what is written.',
    tests: {
      'unit/verification/engine': ['a tag that moves between two looks never gives the verdict of the one for the other'],
      'integration/security-registry': ['first the signed image, then another: each verdict is about the digest that it names, and the tag is asked for once a look'],
      'integration/operator-policies': ['a tag that moved after the pin changes nothing, and is reported when judged afresh'],
    },
  },
  {
    id: 'CVE-2022-47633, GHSA-m3cq-xcx9-3gvm (Kyverno)',
    lesson: 'Nothing is asked twice that could be answered otherwise the second time.',
    tests: {
      'integration/security-registry': ['first another image, then the signed one: each verdict is about the digest that it names, and the tag is asked for once a look', 'peer: after the verdict no tag is looked up again, and a verdict about a digest asks for no tag at all'],
    },
  },
  {
    id: 'CVE-2023-47630, GHSA-3hfq-cx9j-923w (Kyverno)',
    lesson: 'Digests are computed from the bytes that came, and held against the one that was asked for and the one that was signed.',
    tests: {
      'integration/security-registry': ['CVE-2023-47630: what lies at one digest is not taken for another, neither the bytes nor what they say'],
      'integration/registry-hostile': ['a manifest of another digest: DigestMismatch', 'a tag whose bytes are not of the digest it tells: DigestMismatch', 'a blob of another digest: DigestMismatch'],
    },
  },
  {
    id: 'CVE-2025-29778, GHSA-46mp-8w32-6g94 (Kyverno)',
    lesson: 'Each field of a policy acts, or the policy is refused with the path of the field; unknown ones are errors.',
    tests: {
      'unit/verification/policy/leaves': ['the table has every leaf of the schema and no other', 'authorities[].keyless.identities[].subjectRegExp acts or is refused by name', 'authorities[].keyless.identities[].issuerRegExp acts or is refused by name', 'an unknown field is refused with its path, wherever it is'],
      'security/claims-are-held-against-the-certificate': ['of a subject by pattern counts: IdentityMismatch', 'of an issuer by pattern counts: IdentityMismatch'],
    },
  },
  {
    id: 'CVE-2026-48815, GHSA-52v5-jr5w-gjxr (sigstore-js)',
    lesson: 'An option of a library is believed when its whole way was tested: each claim from the policy to the bytes of a certificate.',
    tests: { 'security/claims-are-held-against-the-certificate': ['githubWorkflowRef that a policy demands must be in the certificate with this very value', 'tokenSubject that a policy demands must be in the certificate with this very value', 'that nobody knows is refused with its path, and no signature is looked at'] },
  },
  {
    id: 'CVE-2026-48816, GHSA-xgjw-pm74-86q4 (@sigstore/verify)',
    lesson: 'A time counts when a log or an authority signed it; one that merely stands in the bundle is no time.',
    tests: { 'security/checkpoint-is-the-logs-own': ['a time that no log and no authority signed is no time'], 'unit/signatures/refusals': ['an entry of which the time was moved', 'a signature without any authenticated time'] },
  },
  {
    id: '@sigstore/verify 4.1.1 (changelog)',
    lesson: 'The same log entry twice is one entry.',
    tests: { 'security/trust-comes-from-the-trust-root-alone': ['the same entry twice counts once, and is refused where cosign refuses it'] },
  },
  {
    id: 'CVE-2026-49834, GHSA-9vcr-p3rj-q5q6 (sigstore-go)',
    lesson: 'What is counted is who vouches, not how often: a threshold of two needs two signers, whatever each of them signed with.',
    tests: {
      'security/one-signer-is-one-signer': ['is not met by one key that signs as itself and with a certificate', 'is not met by one key with the certificates of two identities', 'is not met by one identity with two certificates', 'so that a policy with one compressed is refused by name'],
      'unit/verification/matching': ['as many authorities pass as in the best of all choices, and nobody counts twice'],
      'integration/operator-policies': ['a threshold of 2 needs two signers'],
    },
    cannot: 'A threshold of logs or timestamp authorities cannot be asked for: one entry is enough, and what is counted are the signers of a policy.',
  },
  {
    id: 'CVE-2026-54787, GHSA-wqqc-jjcq-vfxm (sigstore-go)',
    lesson: 'A key of a trust root counts for what was signed while it was valid, for logs of every kind.',
    tests: { 'security/retired-log-key-is-refused': ['a key that had ended proves no entry of Rekor v2', 'a key that was not valid yet proves no entry of Rekor v1', 'a key that ended later still proves what was logged before'], 'unit/signatures/refusals': ['a timestamp of an authority that was no longer trusted', 'a certificate with an SCT by a log that was no longer trusted'] },
  },
  {
    id: 'CVE-2026-22703, GHSA-whqx-f9j3-ch6m (cosign)',
    lesson: 'A log entry counts for the artifact, the signature and the signer that it names, and for no other.',
    tests: { 'security/log-entry-is-bound-to-artifact-and-signer': ['of a keyless legacy signature', 'of a keyless bundle in Rekor v2', 'of a bundle by a key', 'an intoto entry about another payload is no entry'] },
  },
  {
    id: 'CVE-2022-23649, GHSA-ccxc-vr6p-4858 (cosign); CVE-2024-53267 (sigstore-java)',
    lesson: 'Somebody else’s genuine bundle beside a signature proves nothing of it.',
    tests: { 'security/log-entry-is-bound-to-artifact-and-signer': ['the bundle annotation of another genuine signature is no entry of this one'], 'security/trust-comes-from-the-trust-root-alone': ['an entry of an unknown log beside one of a known is passed over'] },
  },
  {
    id: 'CVE-2022-36056, GHSA-8gw7-4j42-w388 (cosign)',
    lesson: 'No flags together take away what none of them takes away alone.',
    tests: { 'security/no-flag-opens': ['a signature of somebody else is refused', 'a signature of another Sigstore is refused', 'a signature that is none is refused', 'what is right stays right, so that the refusals above are not for another reason'] },
  },
  {
    id: 'CVE-2022-35929, GHSA-vjxv-45g9-9296 (cosign)',
    lesson: 'Nothing of the wanted kind is a failure, never the success of having found no fault.',
    tests: { 'integration/security-registry': ['an image with attestations of every type, and no signature, is not verified', 'an empty list of layers, and layers without a signature, are not verified', 'of attestations that are demanded, none, others, and those of somebody else do not satisfy', 'of a demand on what is stated, only true satisfies'], 'security/no-flag-opens': ['no signature at all is refused', 'a statement of another type is refused', 'a signature, which states nothing is refused'] },
  },
  {
    id: 'CVE-2022-35930, GHSA-739f-hw6h-7wq8 (policy-controller)',
    lesson: 'The same of policies: no authorities, no identities, no keys and a threshold of none verify nothing.',
    tests: { 'unit/verification/judge': ['a policy without authorities verifies nothing', 'a threshold of none verifies nothing', 'a keyless authority without identities accepts nobody', 'a key authority without keys accepts nobody'], 'unit/verification/policy/compile': ['refuses no identities', 'refuses an authority with nothing in it'] },
  },
  {
    id: 'CVE-2026-39395, GHSA-w6c6-c85g-mmv6 (cosign)',
    lesson: 'What cannot be read is a failure, also where the right key signed it.',
    tests: { 'security/signed-junk-is-no-signature': ['no JSON verifies nothing', 'critical that is null verifies nothing', 'subjects that are an object verifies nothing', 'the payload itself verifies'], 'security/every-failure-is-a-signature-error': ['any bytes in the place of a bundle or a payload are refused by a SignatureError'] },
  },
  {
    id: 'CVE-2026-24122, GHSA-wfqv-66vq-46rm (cosign)',
    lesson: 'Every certificate of the chain was valid at the authenticated time, not only the last.',
    tests: { 'security/time-is-that-of-the-whole-chain': ['an intermediate that had ended has issued nothing, legacy, for the operator profile', 'an intermediate that had ended has issued nothing, bundle, for the cosign profile', 'and one that was valid then has, though it has ended since'], 'unit/signatures/chain': ['under an authority that has ended'] },
  },
  {
    id: 'CVE-2026-39984 (timestamp-authority)',
    lesson: 'A timestamp is by the key of a certificate that is for stamping, that the trusted root issued, and that was valid.',
    tests: { 'security/time-is-that-of-the-whole-chain': ['by somebody who has the authority’s name and certificate, and not its key is none', 'by another authority, with its certificate in the token is none', 'by a certificate that had ended when it stamped is none', 'by a certificate that is not for time stamping is none, because its trust root is refused', 'by a certificate that another root issued is none, because its trust root is refused'] },
  },
  {
    id: 'CVE-2023-46737, GHSA-vfp6-jrw2-99g9 (cosign); CVE-2023-33957, CVE-2023-33958 (notation)',
    lesson: 'At most so many signatures are looked at, in at most so much time, and what was left out is told as such.',
    tests: { 'unit/verification/evidence': ['at most the cap of signatures is looked at, the rest is counted', 'one place cannot crowd the other out of the cap'], 'unit/verification/judge': ['more signatures than are looked at is LimitExceeded, never NoSignature'], 'integration/operator-registry': ['a thousand signatures on one image are not looked at one by one, and no signature among them is called missing'] },
  },
  {
    id: 'CVE-2024-29902, CVE-2024-29903 (cosign)',
    lesson: 'Each body has a cap that does not depend on what the registry says of its size, and so has all that is kept of one image.',
    tests: { 'integration/registry-hostile': ['an endless manifest: LimitExceeded', 'an endless blob: LimitExceeded', 'a blob that claims to be larger than allowed: LimitExceeded', 'a manifest of 4 MiB and a byte: LimitExceeded'], 'security/evidence-fits-into-memory': ['64 signatures of 1 MiB in each place are read as far as they fit, and the rest is told', 'descriptors that lie about the size do not get round that'] },
  },
];
