import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COSIGN } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { AT, asBundle, asking, found, IMAGE, keyOf, refused, release, trusting, world } from '../support/signatures.ts';
import { certificatePem } from '../support/sigstore/keys.ts';
import { bundleEntry, addEntry } from '../support/sigstore/log.ts';
import { createWorld } from '../support/sigstore/world.ts';

/* GHSA-ccxc-vr6p-4858 and its kin: what a signature brings along must never vouch for it, and nothing counts twice. */

const evil = createWorld({ now: AT, name: 'evil.test' });
const evilChain = [evil.authority.intermediate.certificate, evil.authority.root.certificate];

test('a root in a legacy signature’s chain annotation is no root', () => {
  const signature = world.legacySignature(release, IMAGE, { services: { authority: evil.authority } });
  const annotations = { ...signature.annotations, 'dev.sigstore.cosign/chain': evilChain.map(certificatePem).join('') };
  for (const profile of [asking().profile, COSIGN]) refused(found({ ...signature, annotations }), asking({ profile, sct: 'Ignored' }), 'CertificateInvalid', /not issued by/);
});

test('a root in a bundle’s chain is no root', () => {
  const { verificationMaterial: material, ...rest } = world.bundle(release, IMAGE, { log: 'v1', services: { authority: evil.authority } });
  const { certificate, ...others } = material;
  const certificates = [certificate, ...evilChain.map((der) => ({ rawBytes: der.toString('base64') }))];
  const chained = { ...rest, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2', verificationMaterial: { ...others, x509CertificateChain: { certificates } } };
  refused(asBundle(chained), asking({ sct: 'Ignored' }), 'CertificateInvalid', /not issued by/);
});

test('an intermediate that the signature brings along is not used', () => {
  const root = world.trustedRoot();
  const [authority] = root.certificateAuthorities;
  assert.ok(authority);
  const rootOnly = { ...root, certificateAuthorities: [{ ...authority, certChain: { certificates: authority.certChain.certificates.slice(-1) } }] };
  const signature = world.legacySignature(release, IMAGE);
  const annotations = { ...signature.annotations, 'dev.sigstore.cosign/chain': certificatePem(world.authority.intermediate.certificate) };
  refused(found({ ...signature, annotations }), asking({ trust: trusting(rootOnly) }), 'CertificateInvalid', /not issued by/);
});

test('the hint of a bundle’s key chooses no key', () => {
  const [owner, other] = [world.key(), world.key()];
  const bundle = world.bundle(other, IMAGE, { log: 'none' });
  const hinted = { ...bundle, verificationMaterial: { publicKey: { hint: world.bundle(owner, IMAGE, { log: 'none' }).verificationMaterial.publicKey?.hint ?? '' } } };
  refused(asBundle(hinted), asking({ key: keyOf(owner), log: 'Ignored' }), 'KeyMismatch');
});

test('an entry of an unknown log beside one of a known is passed over', () => {
  const bundle = world.bundle(release, IMAGE, { log: 'v1' });
  const [entry] = bundle.verificationMaterial.tlogEntries ?? [];
  assert.ok(entry);
  const foreign = bundleEntry(addEntry(evil.rekorV1, Buffer.from(String(entry['canonicalizedBody']), 'base64'), AT));
  for (const tlogEntries of [[foreign, entry], [entry, foreign]]) {
    const both = { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries } };
    assert.ok(prove(asBundle(both), asking()).logged);
  }
  refused(asBundle({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: [foreign] } }), asking(), 'NotLogged', /none of the 1/);
});

test('the same entry twice counts once, and is refused where cosign refuses it', () => {
  const bundle = world.bundle(release, IMAGE, { log: 'v1' });
  const entries = bundle.verificationMaterial.tlogEntries ?? [];
  const twice = asBundle({ ...bundle, verificationMaterial: { ...bundle.verificationMaterial, tlogEntries: [...entries, ...entries] } });
  assert.ok(prove(twice, asking()).logged);
  refused(twice, asking({ profile: COSIGN }), 'NotLogged', /twice/);
});
