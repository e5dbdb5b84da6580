import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { describe, test } from 'node:test';
import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { asking, AT, bundle, found, IMAGE, legacy, refused, release, trusting, world } from '../support/signatures.ts';
import { certificateFaults, createAuthority } from '../support/sigstore/authority.ts';
import { authorityConstraints, extendedKeyUsage, signCertificate, USAGE } from '../support/sigstore/certificate.ts';
import type { CertificateTemplate } from '../support/sigstore/certificate.ts';
import { der, implicit, sequence, tagged } from '../support/sigstore/der.ts';
import { certificatePem } from '../support/sigstore/keys.ts';
import { stockVerifyLegacy } from '../support/sigstore/stock.ts';

/*
 * The stock library accepts a web server's certificate, the certificate of an authority, unknown critical extensions and elements appended to a
 * certificate. With an authority of one's own, the key of any web server could then sign images.
 */

const FAULTS: Record<string, [(template: CertificateTemplate) => CertificateTemplate, RegExp]> = {
  'a certificate without extended key usage': [certificateFaults.noExtendedKeyUsage, /not for code signing/],
  'a web server’s certificate': [certificateFaults.serverAuthOnly, /not for code signing/],
  'a certificate for any purpose': [(one) => replaced(one, '2.5.29.37', ['2.5.29.37.0']), /not for code signing/],
  'the certificate of an authority': [certificateFaults.certificateAuthority, /certificate authority/],
  'an authority’s certificate for code signing': [(one) => ({ ...one, extensions: [...one.extensions, authorityConstraints(0)] }), /certificate authority/],
  'an unknown critical extension': [certificateFaults.unknownCritical, /critical extension 1\.3\.6\.1\.4\.1\.99999\.1/],
  'a repeated subject': [certificateFaults.subjectTwice, /extension 2\.5\.29\.17 twice/],
  'a repeated issuer': [certificateFaults.issuerTwice, /twice/],
};

function replaced(template: CertificateTemplate, oid: string, usages: readonly string[]): CertificateTemplate {
  return { ...template, extensions: template.extensions.map((one) => (one.oid === oid ? extendedKeyUsage(usages) : one)) };
}

for (const profile of [OPERATOR, COSIGN]) {
  describe(`refused for the ${profile.name} profile`, () => {
    for (const [sentence, [shape, reason]] of Object.entries(FAULTS)) {
      test(`${sentence}, legacy`, () => void refused(legacy(release, { certificate: { shape } }), asking({ profile }), 'CertificateInvalid', reason));
      test(`${sentence}, bundle`, () => void refused(bundle(release, { certificate: { shape } }), asking({ profile }), 'CertificateInvalid', reason));
    }
  });
}

test('the stock library takes a web server’s certificate: without our check it would pass', () => {
  const signature = world.legacySignature(release, IMAGE, { certificate: { shape: certificateFaults.serverAuthOnly } });
  assert.ok(stockVerifyLegacy(world.trustedRootJson, signature));
  refused(found(signature), asking(), 'CertificateInvalid', /not for code signing/);
});

test('an unknown extension that is not critical does no harm', () => {
  assert.ok(prove(legacy(release, { certificate: { shape: certificateFaults.unknownNotCritical } }), asking()));
});

test('an authority that is bound to certain names is refused with its trust root, critical or not, rather than believed for every name', () => {
  for (const critical of [true, false]) {
    const { root, intermediate } = createAuthority({ at: AT });
    const permitted = { oid: '2.5.29.30', critical, value: sequence(tagged(0, sequence(implicit(1, Buffer.from('corp.test'))))) };
    const bound = signCertificate({ ...intermediate.template, extensions: [...intermediate.template.extensions, permitted] }, root.key);
    const whole = world.trustedRoot();
    const certificates = [bound, root.certificate].map((bytes) => ({ rawBytes: bytes.toString('base64') }));
    const authorities = whole.certificateAuthorities.map((one) => ({ ...one, certChain: { certificates } }));
    assert.throws(() => trusting({ ...whole, certificateAuthorities: authorities }), /certChain\.certificates\[0\]: has (name constraints|the critical extension 2\.5\.29\.30)/);
  }
});

test('more usages beside code signing do no harm', () => {
  assert.ok(prove(legacy(release, { certificate: { shape: (one) => replaced(one, '2.5.29.37', [USAGE.serverAuth, USAGE.codeSigning]) } }), asking()));
});

const pristine = world.legacySignature(release, IMAGE, { log: 'none', timestamp: true });
const certificate = Buffer.from(
  (pristine.annotations['dev.sigstore.cosign/certificate'] ?? '').replaceAll(/-----[A-Z ]+-----|\s/g, ''),
  'base64',
);
const body = certificate.subarray(4);
const longLength = Buffer.concat([Buffer.from([0x30, 0x83, 0x00]), certificate.subarray(2)]);

const NOT_DER: Record<string, Buffer> = {
  'bytes after the certificate': Buffer.concat([certificate, Buffer.from([0x05, 0x00])]),
  'an element inside of the certificate, at its end': sequence(body, der(0x05)),
  'a length that is not minimal': longLength,
  'a certificate that is cut off': certificate.subarray(0, -1),
  'a private key in its place': createPrivateKey({ key: world.authority.root.key.privateKey.export({ type: 'pkcs8', format: 'der' }), format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'der' }),
};

describe('is not DER', () => {
  const asked = asking({ log: 'Ignored', timestamp: 'Required' });
  test('but the pristine one is', () => assert.ok(prove(found(pristine), asked)));
  for (const [sentence, bytes] of Object.entries(NOT_DER)) {
    test(sentence, () => {
      const annotations = { ...pristine.annotations, 'dev.sigstore.cosign/certificate': certificatePem(bytes) };
      refused(found({ ...pristine, annotations }), asked, 'CertificateInvalid');
    });
  }

  test('two certificates where one belongs', () => {
    const pem = certificatePem(certificate);
    refused(found({ ...pristine, annotations: { ...pristine.annotations, 'dev.sigstore.cosign/certificate': pem + pem } }), asked, 'SignatureInvalid', /2 PEM blocks/);
  });
});
