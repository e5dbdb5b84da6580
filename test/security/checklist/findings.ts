import type { Row } from './row.ts';

/** What was found in the library that proves signatures, before anything was built on it; each is guarded here. */
export const FINDINGS: readonly Row[] = [
  {
    id: 'finding 1: a log entry is not bound to signer and artifact',
    lesson: 'The entry’s key or certificate, its digest and its signature are those of this signature, compared by us.',
    tests: { 'security/log-entry-is-bound-to-artifact-and-signer': ['of a keyless legacy signature', 'of a keyless bundle in Rekor v1 as hashedrekord, which is none of an envelope anyway', 'the stock library takes an entry of another key: without our check it would pass'] },
  },
  {
    id: 'finding 2: seconds of work before any signature is checked',
    lesson: 'Counts and sizes come first: what is too large is refused in milliseconds.',
    tests: { 'security/limits-apply-before-parsing': ['500 log entries', 'a certificate with 400 KB of empty elements', 'a checkpoint with 20,000 signatures', 'a bundle of more than 1 MiB'] },
  },
  {
    id: 'finding 3: foreign exceptions over malformed input',
    lesson: 'Whatever is thrown over a signature makes it prove nothing, under one class of error; an outage is none of these.',
    tests: { 'security/every-failure-is-a-signature-error': ['any bytes in the place of a bundle or a payload are refused by a SignatureError', 'bundle 0, bent anyhow, proves nothing else for the operator profile', 'legacy 3, bent anyhow, proves nothing else for the cosign profile'], 'unit/verification/engine': ['whatever proving throws, the signature proves nothing'] },
  },
  {
    id: 'finding 4: any certificate may sign',
    lesson: 'A signer’s certificate is for code signing, no authority’s, in strict DER, without anything critical that is not understood.',
    tests: { 'security/certificate-profile-is-checked': ['a web server’s certificate, legacy', 'the certificate of an authority, bundle', 'an unknown critical extension, bundle', 'an element inside of the certificate, at its end', 'an authority that is bound to certain names is refused with its trust root, critical or not, rather than believed for every name'] },
  },
  {
    id: 'finding 5: names are read in seven bits, and one of several',
    lesson: 'There is exactly one subject, of printable ASCII, of the kind that its text reads as, and one issuer.',
    tests: { 'security/identity-is-read-from-raw-bytes': ['an e-mail address with the high bit set, bundle', 'an e-mail address with a NUL, legacy', 'two subjects, bundle', 'a URI that reads as an e-mail address, bundle', 'two issuers, legacy', 'the stock library reads á as a: without our check it would be admin'] },
  },
  {
    id: 'finding 6: the validity of a log’s key does not limit proofs',
    lesson: 'A log’s key that had ended, or not begun, proves no entry of any kind.',
    tests: { 'security/retired-log-key-is-refused': ['a key that had ended proves no entry of Rekor v2', 'a key that was not valid yet proves no entry of Rekor v2', 'without any authenticated time the log’s key must be valid now'], 'security/proof-held-against-the-clock-is-not-kept': ['a signature that is only as good as the key of its log is proven anew, and fails when that has ended'] },
  },
  {
    id: 'finding 7: a checkpoint’s origin is not compared with the log',
    lesson: 'A checkpoint of Rekor v2 is in the name of the log’s own host; what nobody signed is neither shown nor decided on.',
    tests: { 'security/checkpoint-is-the-logs-own': ['a checkpoint of Rekor v2 in the name of a part of the log’s host is not its own', 'a checkpoint of Rekor v2 for another origin is not its own', 'a checkpoint that is signed by witnesses alone proves nothing', 'a size and a root hash beside the checkpoint’s own are not looked at'] },
  },
  {
    id: 'finding 8: base64 is lenient',
    lesson: 'Only the one text that encodes the bytes is read, and what is remembered is remembered by the bytes.',
    tests: { 'security/bundle-text-means-one-thing': ['white space in it is refused for the operator profile', 'the alphabet of URLs is refused for the cosign profile', 'more padding than there should be is refused for the operator profile'] },
  },
  {
    id: 'finding 9: almost any media type is a bundle’s',
    lesson: 'Media types of bundles are a closed list, compared as a whole.',
    tests: { 'security/bundle-text-means-one-thing': ['"application/vnd.dev.sigstore.bundle+json;version=0.9" is refused for the operator profile', '"application/vnd.dev.sigstore.bundle.v0.3+jsonXYZ" is refused for the cosign profile'] },
  },
  {
    id: 'finding 10: a proven envelope says nothing of what is in it',
    lesson: 'Payload type, statement, predicate type and subject are held against what a signature of this image has.',
    tests: { 'security/envelope-content-is-checked': ['a payload of another type', 'a statement of another kind', 'a provenance', 'a statement of another image says so'] },
  },
];
