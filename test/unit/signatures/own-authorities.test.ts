import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadOwnAuthorities } from '../../../src/signatures/own-authorities.ts';
import { COSIGN } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { loadTrustRoot, TrustRootError } from '../../../src/signatures/trust-root.ts';
import { trustRecipe, trustRootOf, trustSource } from '../../../src/signatures/trust-recipe.ts';
import type { Candidate, Requirement, SignatureErrorCode } from '../../../src/signatures/types.ts';
import { OWN_CERTIFICATE, ownAuthoritiesPem, ownIssuer } from '../../support/own-authorities.ts';
import { asking, AT, bundle, found, HOUR, IMAGE, ISSUER, legacy, refused, release, SUBJECT, world, YEAR } from '../../support/signatures.ts';
import { certificateFaults } from '../../support/sigstore/authority.ts';
import { certificatePem } from '../../support/sigstore/keys.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const PEM = ownAuthoritiesPem(world);
const other = createWorld({ now: AT, name: 'other.test' });
/** Own authorities, with the logs and timestamp authorities of the world's trusted root. */
const rest = trustSource('TrustedRoot', world.trustedRootJson);
const trust = trustRootOf(trustRecipe({ authorities: trustSource('Certificates', PEM), logs: rest, timestampAuthorities: rest }));
const own = (difference: Partial<Requirement> = {}): Requirement => asking({ trust, sct: 'Ignored', ...difference });
const withChain = (signature: ReturnType<typeof world.legacySignature>, chain: string): Candidate => found({ ...signature, annotations: { ...signature.annotations, 'dev.sigstore.cosign/chain': chain } });

const PROVEN: Record<string, [Candidate, Requirement, string]> = {
  'a legacy signature by a certificate without an OpenID issuer, of whom the authority is the issuer': [legacy(release, OWN_CERTIFICATE), own(), ownIssuer(world)],
  'a bundle by such a certificate': [bundle(release, OWN_CERTIFICATE), own(), ownIssuer(world)],
  'a certificate that names an OpenID issuer, who is the issuer': [legacy(release, { certificate: { ctLogs: [] } }), own(), ISSUER],
  'a signature with a timestamp instead of a log entry': [legacy(release, { ...OWN_CERTIFICATE, log: 'none', timestamp: true }), own({ log: 'Ignored', timestamp: 'Required' }), ownIssuer(world)],
};

describe('with certificate authorities of one’s own is proven', () => {
  for (const [sentence, [candidate, requirement, issuer]] of Object.entries(PROVEN)) {
    test(sentence, () => {
      const { signer, digests } = prove(candidate, requirement);
      assert.deepEqual(digests, [IMAGE.digest]);
      assert.ok(signer.kind === 'certificate');
      assert.deepEqual([signer.issuer, signer.subject], [issuer, SUBJECT]);
    });
  }
});

const REFUSED: Record<string, [Candidate, Requirement, SignatureErrorCode, RegExp]> = {
  'a certificate of another authority': [legacy(release, { ...OWN_CERTIFICATE, services: { authority: other.authority } }), own(), 'CertificateInvalid', /not issued by/],
  'a certificate of another authority that the signature brings along': [
    withChain(world.legacySignature(release, IMAGE, { ...OWN_CERTIFICATE, services: { authority: other.authority } }), ownAuthoritiesPem(other)),
    own(),
    'CertificateInvalid',
    /not issued by/,
  ],
  'a certificate whose intermediate only the signature brings along': [
    withChain(world.legacySignature(release, IMAGE, OWN_CERTIFICATE), PEM),
    own({ trust: trustRootOf(trustRecipe({ authorities: trustSource('Certificates', certificatePem(world.authority.root.certificate)), logs: rest, timestampAuthorities: rest })) }),
    'CertificateInvalid',
    /not issued by/,
  ],
  'a certificate that had ended': [legacy(release, { ...OWN_CERTIFICATE, loggedAt: AT + HOUR }), own(), 'CertificateInvalid', /not at/],
  'a certificate that is not for code signing': [legacy(release, { certificate: { ctLogs: [], shape: certificateFaults.noExtendedKeyUsage } }), own(), 'CertificateInvalid', /code signing/],
  'a certificate without a subject': [legacy(release, { certificate: { ctLogs: [], shape: certificateFaults.noSubject } }), own(), 'CertificateInvalid', /names 0 subjects/],
  'a certificate of a host': [legacy(release, { certificate: { ctLogs: [], shape: certificateFaults.serverName } }), own(), 'CertificateInvalid', /something else than a person/],
  'no time at all': [legacy(release, { ...OWN_CERTIFICATE, log: 'none', timestamp: false }), own({ log: 'Ignored' }), 'TimestampInvalid', /attests when/],
  'no log entry where one is needed': [legacy(release, { ...OWN_CERTIFICATE, log: 'none', timestamp: true }), own(), 'NotLogged', /no transparency log/],
  'an authority of Fulcio’s trusted root, where no OpenID issuer is named': [legacy(release, OWN_CERTIFICATE), asking({ sct: 'Ignored' }), 'CertificateInvalid', /names no issuer/],
};

describe('with certificate authorities of one’s own is refused', () => {
  for (const [sentence, [candidate, requirement, code, text]] of Object.entries(REFUSED)) test(sentence, () => void refused(candidate, requirement, code, text));
});

test('cosign knows no other issuer than the OpenID one', () => {
  const { certificate } = prove(legacy(release, OWN_CERTIFICATE), own({ profile: COSIGN, now: AT + YEAR }));
  assert.equal(certificate?.issuer, '');
});

test('the certificates may be in any order, and hold several roots', () => {
  const [one, two] = [world, other].map(({ authority }) => [certificatePem(authority.root.certificate), certificatePem(authority.intermediate.certificate)]);
  const pem = [one?.[1], two?.[0], two?.[1], one?.[0]].join('\n');
  const root = loadOwnAuthorities(pem);
  assert.deepEqual(root.authorities.map((chain) => chain.authorities.length), [2, 2]);
  assert.equal(root.ownAuthorities, true);
  assert.equal(loadTrustRoot(world.trustedRootJson).ownAuthorities, undefined);
});

const BROKEN: Record<string, [string, RegExp]> = {
  'nothing': ['', /no certificate/],
  'a text': ['hello', /no certificate/],
  'a block that is not whole': ['-----BEGIN CERTIFICATE-----\nAAAA', /not PEM/],
  'a certificate that is none': ['-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', /PEM block 1/],
  'a private key': ['-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', /is a PRIVATE KEY; give certificates only/],
  'more certificates than are read': [PEM.repeat(9), /at most 16/],
  'a text that is too large': [`${PEM}${' '.repeat(65_536)}`, /larger than/],
  'an intermediate alone': [certificatePem(world.authority.intermediate.certificate), /no root among/],
};

describe('own certificate authorities cannot be', () => {
  for (const [sentence, [pem, message]] of Object.entries(BROKEN)) {
    test(sentence, () => assert.throws(() => loadOwnAuthorities(pem), (error) => error instanceof TrustRootError && message.test(error.message)));
  }
});
