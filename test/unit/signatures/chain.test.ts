import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CertificateError, readCertificate } from '../../../src/signatures/certificate.ts';
import type { Certificate } from '../../../src/signatures/certificate.ts';
import { CODE_SIGNING, linkAuthorities, verifyChain } from '../../../src/signatures/chain.ts';
import { AT, HOUR, YEAR } from '../../support/signatures.ts';
import {
  authorityConstraints,
  authorityKeyId,
  extendedKeyUsage,
  keyUsage,
  randomSerial,
  signCertificate,
  subjectKeyId,
  USAGE,
} from '../../support/sigstore/certificate.ts';
import type { CertificateTemplate, Extension } from '../../support/sigstore/certificate.ts';
import { generateKey } from '../../support/sigstore/keys.ts';
import type { KeyPair } from '../../support/sigstore/keys.ts';

interface Issued {
  readonly key: KeyPair;
  readonly template: CertificateTemplate;
  readonly certificate: Certificate;
}

/** A certificate by this issuer (or by itself), with these extensions beside the key identifiers. */
function issue(commonName: string, issuer: Issued | undefined, extensions: readonly Extension[], change: Partial<CertificateTemplate> = {}): Issued {
  const key = generateKey();
  const template: CertificateTemplate = {
    serial: randomSerial(),
    issuer: issuer?.template.subject ?? { commonName },
    subject: { commonName },
    notBefore: AT - YEAR,
    notAfter: AT + YEAR,
    spki: key.spki,
    extensions: [...extensions, subjectKeyId(key.spki), authorityKeyId((issuer?.key ?? key).spki)],
    ...change,
  };
  return { key, template, certificate: readCertificate(signCertificate(template, issuer?.key ?? key), 16_384) };
}

const authority = (pathLength: number): readonly Extension[] => [authorityConstraints(pathLength), keyUsage('certificates')];
const signer: readonly Extension[] = [keyUsage('data'), extendedKeyUsage([USAGE.codeSigning])];

const root = issue('root', undefined, authority(2));
const middle = issue('middle', root, authority(1));
const low = issue('low', middle, authority(0));

function path(leaf: Issued, ...authorities: readonly Issued[]): Certificate {
  const chain = { authorities: linkAuthorities(authorities.map(({ certificate }) => certificate)), start: AT - YEAR, end: AT + YEAR };
  return verifyChain(leaf.certificate, [chain], [AT], CODE_SIGNING);
}

describe('a leaf is accepted', () => {
  test('under the root itself', () => assert.equal(path(issue('leaf', root, signer), root), root.certificate));
  test('under intermediates, the first of which is its issuer', () => assert.equal(path(issue('leaf', low, signer), low, middle, root), low.certificate));
  test('where the trust root has further intermediates', () => assert.equal(path(issue('leaf', middle, signer), low, middle, root), middle.certificate));
  test('where intermediates of one root stand side by side', () => {
    const sibling = issue('sibling', root, authority(0));
    assert.equal(path(issue('leaf', middle, signer), middle, sibling, root), middle.certificate);
  });
});

const tight = issue('tight', root, authority(0));
const belowTight = issue('below', tight, authority(0));
const web = issue('web', root, [...authority(0), extendedKeyUsage([USAGE.serverAuth])]);
const lapsed = issue('lapsed', root, authority(0), { notAfter: AT - HOUR });
const impostor = issue('root', undefined, authority(2));

const REFUSED: Record<string, [() => unknown, RegExp]> = {
  'below more intermediates than an authority allows': [() => path(issue('leaf', belowTight, signer), belowTight, tight, root), /"CN=tight", which may not issue/],
  'under an authority for web servers': [() => path(issue('leaf', web, signer), web, root), /"CN=web", which may not issue/],
  'under an authority that has ended': [() => path(issue('leaf', lapsed, signer), lapsed, root), /"CN=lapsed", which is not valid at/],
  'under another authority of the same name': [() => path(issue('leaf', root, signer), impostor), /not issued by a certificate authority/],
  'under another authority of the same name, without a key identifier': [() => path(issue('leaf', root, signer, { extensions: signer }), impostor), /not issued by a certificate authority/],
  'under a leaf': [() => path(issue('leaf', issue('other', root, signer), signer), root), /not issued by a certificate authority/],
  'by its own signature': [() => path(issue('alone', undefined, signer), root), /not issued by a certificate authority/],
};

describe('a leaf is refused', () => {
  for (const [sentence, [task, reason]] of Object.entries(REFUSED)) {
    test(sentence, () => assert.throws(task, (error) => error instanceof CertificateError && reason.test(error.message)));
  }
});

test('a chain is refused in which a certificate is no authority', () => {
  assert.throws(() => linkAuthorities([issue('leaf', root, signer).certificate, root.certificate]), /"CN=leaf" is not a certificate authority/);
});

test('a certificate is valid at its last second, and not in fractions after it', () => {
  const leaf = issue('leaf', root, signer, { notAfter: AT });
  const chain = { authorities: linkAuthorities([root.certificate]), start: AT - YEAR, end: AT + YEAR };
  assert.ok(verifyChain(leaf.certificate, [chain], [AT], CODE_SIGNING));
  assert.throws(() => verifyChain(leaf.certificate, [chain], [AT + 1], CODE_SIGNING), /is valid from/);
});

test('one time of several outside of its validity is enough to refuse it', () => {
  const leaf = issue('leaf', root, signer, { notAfter: AT });
  const chain = { authorities: linkAuthorities([root.certificate]), start: AT - YEAR, end: AT + YEAR };
  assert.throws(() => verifyChain(leaf.certificate, [chain], [AT, AT + HOUR], CODE_SIGNING), /is valid from/);
});
