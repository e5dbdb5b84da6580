import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { asking, bundle, IMAGE, ISSUER, legacy, refused, release, SUBJECT, world } from '../support/signatures.ts';
import { certificateFaults } from '../support/sigstore/authority.ts';
import { subjectAlternativeName } from '../support/sigstore/certificate.ts';
import type { CertificateTemplate, GeneralName } from '../support/sigstore/certificate.ts';
import { utf8String } from '../support/sigstore/der.ts';
import { stockVerifyLegacy } from '../support/sigstore/stock.ts';

/*
 * The stock library reads names as ASCII of 7 bits, so that 0xE1 is an `a`, and looks at one name of several. An authority that certifies what it is
 * given would let á-dmin@corp.test sign as admin@corp.test.
 */

const FULCIO = '1.3.6.1.4.1.57264.1';

function naming(...names: GeneralName[]) {
  return (template: CertificateTemplate): CertificateTemplate => withValue(template, '2.5.29.17', subjectAlternativeName(...names).value);
}

function issuedBy(oid: string, value: Uint8Array) {
  return (template: CertificateTemplate): CertificateTemplate => withValue(template, `${FULCIO}.${oid}`, value);
}

function withValue(template: CertificateTemplate, oid: string, value: Uint8Array): CertificateTemplate {
  return { ...template, extensions: template.extensions.map((one) => (one.oid === oid ? { ...one, value } : one)) };
}

const FAULTS: Record<string, [(template: CertificateTemplate) => CertificateTemplate, RegExp]> = {
  'an e-mail address with the high bit set': [certificateFaults.subjectWithHighBit, /not UTF-8/],
  'an e-mail address with an accent in UTF-8': [naming({ email: '\u00e1dmin@corp.test' }), /printable ASCII/],
  'an e-mail address with a NUL': [certificateFaults.subjectWithNul, /printable ASCII/],
  'a URI with a line end': [naming({ uri: `${SUBJECT}\n` }), /printable ASCII/],
  'an empty subject': [naming({ uri: '' }), /printable ASCII/],
  'a URI that reads as an e-mail address': [naming({ uri: 'admin@corp.test' }), /is a URI and reads as an e-mail address/],
  'a URI that reads as a user name': [naming({ uri: 'alice!corp.test' }), /is a URI and reads as a user name/],
  'a user name that reads as an e-mail address': [naming({ username: 'admin@corp.test' }), /is a user name and reads as an e-mail address/],
  'a user name that reads as a URI': [naming({ username: SUBJECT }), /is a user name and reads as a URI/],
  'an e-mail address that reads as a URI': [naming({ email: 'https://corp.test/a@b' }), /is an e-mail address and reads as a URI/],
  'two subjects': [certificateFaults.twoSubjects, /names 2 subjects/],
  'a URI and an e-mail address': [naming({ uri: SUBJECT }, { email: 'a@corp.test' }), /names 2 subjects/],
  'no subject': [certificateFaults.noSubject, /names 0 subjects/],
  'a host as the subject': [certificateFaults.serverName, /something else than a person/],
  'no issuer': [certificateFaults.noIssuer, /names no issuer/],
  'two issuers': [certificateFaults.issuersDiffer, /two different issuers/],
  'an issuer with the high bit set': [issuedBy('1', Buffer.from('https://token.\u00e1ctions.test', 'latin1')), /not UTF-8/],
  'an issuer with a space of another script': [issuedBy('8', utf8String('https://token\u00a0')), /printable ASCII/],
  'an issuer that is not DER': [issuedBy('8', Buffer.from(ISSUER)), /./],
  'an issuer with bytes after it': [issuedBy('8', Buffer.concat([utf8String(ISSUER), Buffer.from([5, 0])])), /./],
};

describe('refused for the operator', () => {
  for (const [sentence, [shape, reason]] of Object.entries(FAULTS)) {
    test(`${sentence}, legacy`, () => void refused(legacy(release, { certificate: { shape } }), asking(), 'CertificateInvalid', reason));
    test(`${sentence}, bundle`, () => void refused(bundle(release, { certificate: { shape } }), asking(), 'CertificateInvalid', reason));
  }
});

test('the stock library reads á as a: without our check it would be admin', () => {
  const signature = world.legacySignature(release, IMAGE, { certificate: { shape: certificateFaults.subjectWithHighBit } });
  assert.equal(stockVerifyLegacy(world.trustedRootJson, signature).identity?.subjectAlternativeName, 'admin@corp.test');
});

describe('accepted for the operator', () => {
  for (const subject of ['release@corp.test', 'spiffe://corp.test/ns/ci', 'alice!corp.test', 'https://github.com/acme/app/.github/workflows/my build.yml@refs/heads/main']) {
    test(subject, () => {
      const { signer } = prove(legacy(world.keyless({ subject, issuer: ISSUER })), asking());
      assert.equal(signer.kind === 'certificate' && signer.subject, subject);
    });
  }
});

describe('read for the cosign profile', () => {
  const shape = naming({ uri: SUBJECT }, { email: 'b@corp.test' }, { email: 'a@corp.test' }, { dns: 'web.corp.test' });

  test('of a legacy signature every name counts, in the order of Go', () => {
    const { certificate } = prove(legacy(release, { certificate: { shape } }), asking({ profile: COSIGN }));
    assert.deepEqual(certificate?.subjects, ['web.corp.test', 'b@corp.test', 'a@corp.test', SUBJECT]);
  });

  test('of a bundle one name counts, the URI first', () => {
    assert.deepEqual(prove(bundle(release, { certificate: { shape } }), asking({ profile: COSIGN })).certificate?.subjects, [SUBJECT]);
  });

  test('of a legacy signature the issuer is OID .1, of a bundle .8', () => {
    const differ = { certificate: { shape: certificateFaults.issuersDiffer } };
    assert.equal(prove(legacy(release, differ), asking({ profile: COSIGN })).certificate?.issuer, 'https://evil.test');
    assert.equal(prove(bundle(release, differ), asking({ profile: COSIGN })).certificate?.issuer, ISSUER);
  });

  test('an accent is an accent', () => {
    const { certificate } = prove(legacy(release, { certificate: { shape: naming({ email: '\u00e1dmin@corp.test' }) } }), asking({ profile: COSIGN }));
    assert.deepEqual(certificate?.subjects, ['\u00e1dmin@corp.test']);
  });
});
