import type { Profile } from '../../src/signatures/types.ts';

/** A reason for which we refuse what the stock library accepts: the rule that it does not have, and how our refusal reads. */
interface StricterRule {
  readonly rule: string;
  /** Which profile has it; both where none is named. */
  readonly profile?: Profile['name'];
  readonly texts: readonly RegExp[];
}

const READ = '^the signature cannot be read: ';
const ENTRY = '^the log entry cannot be verified: ';
const ROOT = '^the trusted root cannot be read: ';
const LIST = String.raw`(?:tlogs|ctlogs|certificateAuthorities|timestampAuthorities)`;
const CERTIFICATE = String.raw`^(?:the certificate|(?:certificateAuthorities|timestampAuthorities)\[\d+\]\.certChain(?:\.certificates\[\d+\])?:) `;

const one = (...parts: string[]): RegExp => new RegExp(parts.join(''), 'u');

/**
 * The closed list of reasons for which we alone refuse. The first rule whose text fits names the refusal; one that fits none fails the test. What the
 * signature says (its claim) comes first, then its form, its log entry, its time, its certificate, and the trusted root.
 */
const STRICTER: readonly StricterRule[] = [
  { rule: 'a bundle is one that cosign loads: version 0.3, with no member that is not known', profile: 'cosign', texts: [/^the bundle is none that cosign loads/] },
  { rule: 'a signature is about an image, by its SHA-256', texts: [one(READ, String.raw`(?:critical\.image|subject)(?:\[\d+\])?\S* (?:is|are) (?:not|empty)`), one(READ, 'subject is empty')] },
  { rule: 'an attestation is no signature', profile: 'operator', texts: [/^it is an attestation of type /, one(READ, 'predicateType is not a string')] },
  { rule: 'a payload has its type and its name (cosign, specs/SIGNATURE_SPEC.md)', texts: [one(READ, String.raw`(?:critical\b|critical\.type|critical\.identity\S*|optional) is `)] },
  { rule: 'a statement is one of in-toto', texts: [one(READ, String.raw`(?:the statement\S*|_type|predicateType) `), one(READ, 'the payload (?:is|type)'), one(READ, String.raw`subject\[\d+\]`)] },
  { rule: 'what is signed is JSON, in UTF-8', texts: [one(READ, 'is not valid (?:JSON|UTF-8)')] },
  { rule: 'JSON means one thing: no key twice, no __proto__, not too deep', texts: [one(READ, 'has (?:a key __proto__|the key )'), one(ROOT, 'has (?:a key __proto__|the key )'), one(ENTRY, 'has (?:a key __proto__|the key )')] },
  { rule: 'base64 has one form (RFC 4648, 4)', texts: [one(READ, String.raw`[\w./]+ is not base64`), one(ENTRY, String.raw`\w+ is not base64`), one(READ, String.raw`the [A-Z ]+ block is not base64`), one(ENTRY, 'the [A-Z ]+ block is not base64'), /PEM block .*not base64|the key text is not PEM/] },
  { rule: 'a bundle has exactly the media type of a version that is known', texts: [one(READ, '(?:bundles of media type|mediaType)')] },
  { rule: 'an envelope that names its key is not tried, as by cosign', profile: 'cosign', texts: [one(READ, 'the envelope names the key')] },
  { rule: 'a member of a bundle has one name', texts: [one(READ, 'the bundle has the member '), one(ROOT, 'the trusted root has the member ')] },
  { rule: 'fields have their types, numbers their range', texts: [one(READ, String.raw`(?:of certificate, publicKey|of dsseEnvelope|[\w.]+ is not (?:an? (?:object|list|string|integer in range)|64 hexadecimal digits))`)] },
  { rule: 'a signature comes with one certificate in PEM', texts: [one(READ, String.raw`dev\.sigstore\.cosign/certificate (?:holds|is not)`), one(READ, 'a (?:PEM )?block ')] },
  { rule: 'everything has a limit, before it is looked at', texts: [/^the (?:bundle|payload|certificate|checkpoint|inclusion proof|statement|envelope|timestamp) (?:has|is larger)/, /is larger than \d+ (?:bytes|characters)/, one(READ, '(?:is nested deeper|has more than)'), one(ENTRY, 'is nested deeper'), one(ROOT, 'has more than')] },
  { rule: 'where a key is asked for, a certificate does not do, nor the other way round', texts: [/with a certificate, not with a key/, /it was made with a key/, /certificate is for another key/] },
  { rule: 'an entry names the key or certificate that signed (GHSA-whqx-f9j3-ch6m)', texts: [/^the log entry names another signer/, one(ENTRY, '(?:verifier|publicKey|x509Certificate|rawBytes|content)\\S* is '), /names neither a certificate nor a key/, one(ENTRY, 'a PEM block|a block that'), one(ENTRY, '.*(?:asn1|DECODER|unsupported)')] },
  { rule: 'an entry is about the artifact itself, not about a digest that the bundle declares', texts: [/^the log entry is about another (?:artifact|signature|envelope)/] },
  { rule: 'an entry is of a kind that is known, with all of its fields', texts: [/^log entries of kind /, one(ENTRY, String.raw`(?:hash|digest|algorithm|value|data|spec|signature|signatures|payloadHash|kind|apiVersion|hashedRekordV002|dsseV002)\S* is `), /^the log entry has \d+ signatures/] },
  { rule: 'an entry’s body is JSON', texts: [one(ENTRY, 'is not valid')] },
  { rule: 'a checkpoint of Rekor v2 is signed by the log whose name it has', texts: [/^the checkpoint of .* is not signed by the log /] },
  { rule: 'a checkpoint is a signed note, and of Rekor v1 names its tree and is signed by nobody else', texts: [/^the checkpoint (?:is not a signed note|has a malformed signature|is malformed|of .* is not of a Rekor v1 log)/] },
  { rule: 'a proof leads from the entry’s own index to the root of its checkpoint, and says no other size, root or index beside', texts: [/^the inclusion proof /, /^the index \d+ is beyond /] },
  { rule: 'an entry of Rekor v2 is byte for byte what that log makes of the signature', texts: [/^the log entry is not as Rekor v2 writes it/, /^the key is of a kind with which Rekor v2 takes no entries/] },
  { rule: 'an entry of a digest is one that Rekor v1 could verify', texts: [/over which nobody signs with an Ed25519 key/, /by another hash than the signature/] },
  { rule: 'the text of a legacy signature is the one in its log entry, without line breaks, as by cosign', profile: 'cosign', texts: [/^the signature has no transparency log entry/] },
  { rule: 'an entry names one signer', texts: [/^the log entry names more than one signer/] },
  { rule: 'an entry says of which kind it is', profile: 'operator', texts: [/^the log entry is of kind .* and says that it is of another/] },
  { rule: 'a promise is by an elliptic curve with SHA-256, of Rekor v1', texts: [/signed entry timestamp/] },
  { rule: 'the time beside an entry is inside of the certificate’s validity', texts: [one(CERTIFICATE, 'was not valid when the log says')] },
  { rule: 'a certificate beside a key’s signature was valid', texts: [one(CERTIFICATE, 'beside the signature was not valid')] },
  { rule: 'the validity of a log’s key counts for proofs too', profile: 'operator', texts: [/^the key of the transparency log .* was not valid at /] },
  { rule: 'an entry that is there twice is refused, as by cosign', profile: 'cosign', texts: [/the same log entry is given twice/] },
  { rule: 'a log entry that nobody asked for attests no time', profile: 'operator', texts: [/^no transparency log or timestamp authority of the trust root attests when/] },
  { rule: 'a timestamp was granted, and is DER in all its parts (RFC 3161, 2.4.2)', texts: [/^the timestamp is not by one of /] },
  { rule: 'where a log is asked, the clock does not decide', profile: 'cosign', texts: [/^no transparency log or timestamp authority of the trust root attests when/] },
  { rule: 'without a time that was asked for, the clock decides', profile: 'cosign', texts: [/^the certificate is valid from .* to .*, not at /] },
  { rule: 'a certificate’s times are all inside of its validity and its authority’s', texts: [one(CERTIFICATE, 'is (?:valid from|issued (?:by an authority that the trust root does not trust|under .*which is not valid) at)')] },
  { rule: 'a certificate is for code signing and not an authority’s (RFC 5280, 4.2.1.12)', texts: [one(CERTIFICATE, '(?:is not for code signing|is that of a certificate authority)')] },
  { rule: 'a certificate’s chain is by names and key identifiers, and each may issue such certificates', texts: [one(CERTIFICATE, '(?:is not issued by|is issued under)')] },
  { rule: 'a certificate has at least one SCT by a known log', texts: [one(CERTIFICATE, 'has no signed certificate timestamp')] },
  { rule: 'a certificate is strict DER of X.509 v3, with known algorithms and each extension once', texts: [one(CERTIFICATE, String.raw`(?:has (?:tag|a (?:malformed|tag|length|subject)|trailing|no validity|the (?:extension|critical)|\d+ parts|two|an (?:object|integer|incomplete))|is (?:not (?:an X\.509|of version 3|canonical)|signed with|nested)|ends early|names two signature)`)] },
  { rule: 'an authority has no name constraints, which nothing here would look at', texts: [one(CERTIFICATE, 'has name constraints')] },
  { rule: 'a certificate names its signer once, in printable letters', profile: 'operator', texts: [one(CERTIFICATE, 'names '), one(CERTIFICATE, 'has an .* that is not UTF-8')] },
  { rule: 'a certificate names its signer', profile: 'cosign', texts: [one(CERTIFICATE, 'names no subject'), one(CERTIFICATE, 'has an .* that is not UTF-8')] },
  { rule: 'a signer’s key is one that is supported', texts: [one(CERTIFICATE, 'has a key that '), /^the key in PEM block \d+ /, /^PEM block \d+ /, /^there (?:is no|are \d+) PEM block/] },
  { rule: 'a signature is made with the hash that goes with its key', texts: [/^the signature is not by the key /, /^the signature is not by the key of its certificate/] },
  { rule: 'a trusted root has the media type of one', texts: [/^mediaType .* is not that of a trusted root/, one(ROOT, 'mediaType ')] },
  { rule: 'a trusted root’s fields have their types and one base64', texts: [one(ROOT, LIST)] },
  { rule: 'a trusted root says since when each of its members counts', texts: [one('^', LIST, String.raw`\[\d+\]\S*validFor`)] },
  { rule: 'a trusted authority’s chain ends in its own root, each certificate issued by one after it', texts: [one('^', LIST, String.raw`\[\d+\]\.certChain: .*(?:not self-signed|not issued by|not a certificate authority|does not (?:lead|end)|not for time stamping|may not issue)`), one('^', LIST, String.raw`\[\d+\]\.certChain\.certificates is empty`)] },
  { rule: 'a trusted log has a key that is supported and an id', texts: [one('^', LIST, String.raw`\[\d+\]\.(?:publicKey|logId)`)] },
  { rule: 'a trusted root has no more than can be held against every signature', texts: [one('^', LIST, '.* (?:members|certificates together|keys under one log id)'), /^the trusted root is larger/] },
  { rule: 'a trusted root’s values are what the library can read', texts: [one(ROOT, '(?:error:|Unrecognized enum|Invalid|unsupported|Failed|wrong)')] },
];

/** The rule of the list that this refusal names. */
export function strictnessOf(text: string, profile: Profile['name']): string | undefined {
  return STRICTER.find((rule) => (rule.profile ?? profile) === profile && rule.texts.some((pattern) => pattern.test(text)))?.rule;
}
