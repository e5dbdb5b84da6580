import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COSIGN } from '../../src/signatures/profile.ts';
import { asking, bundle, found, IMAGE, keyOf, legacy, refused, release, trust, world } from '../support/signatures.ts';
import { generateKey, sha256 } from '../support/sigstore/keys.ts';
import type { Logged } from '../support/sigstore/log-bodies.ts';
import { stockVerify, stockVerifyLegacy } from '../support/sigstore/stock.ts';

/*
 * GHSA-whqx-f9j3-ch6m, CVE-2026-22703: an entry that names another key, another artifact or another signature is genuine, but says
 * nothing about this image: whoever watches the log never sees the signature. The stock library accepts the first two.
 */

const owner = world.key();
const otherKey = generateKey();
const otherCertificate = Buffer.from(world.bundle(release, IMAGE).verificationMaterial.certificate?.rawBytes ?? '', 'base64');
const keyed = asking({ key: keyOf(owner) });

const bend = {
  'another key': ({ certificate: _, ...told }: Logged): Logged => ({ ...told, key: otherKey }),
  'another certificate': (told: Logged): Logged => ({ ...told, certificate: otherCertificate }),
  'another artifact': (told: Logged): Logged => ({ ...told, message: Buffer.from('decoy') }),
  'another signature': (told: Logged): Logged => ({ ...told, signature: sha256(told.signature) }),
};

for (const [what, logged] of Object.entries(bend)) {
  const reason = what.endsWith('key') || what.endsWith('certificate') ? /names another signer/ : what.endsWith('artifact') ? /another artifact/ : /another signature/;
  for (const profile of [asking().profile, COSIGN]) {
    // cosign makes the entry itself, of the signature, and looks for that one in the log.
    const ofTiles = profile === COSIGN ? /does not lead to the root/ : reason;
    describe(`an entry about ${what} is no entry for the ${profile.name} profile`, () => {
      test('of a keyless legacy signature', () => void refused(legacy(release, { logged }), asking({ profile }), 'NotLogged', reason));
      test('of a keyless bundle in Rekor v2', () => void refused(bundle(release, { logged }), asking({ profile }), 'NotLogged', ofTiles));
      test('of a keyless bundle in Rekor v1 as hashedrekord, which is none of an envelope anyway', () =>
        void refused(bundle(release, { log: 'v1', entryKind: 'hashedrekord', logged }), asking({ profile }), 'NotLogged', /not about such signatures/));
      test('of a legacy signature by a key', () => void refused(legacy(owner, { logged }), { ...keyed, profile }, 'NotLogged', reason));
      test('of one by a key logged as rekord', () => void refused(legacy(owner, { entryKind: 'rekord', logged }), { ...keyed, profile }, 'NotLogged', reason));
      test('of a bundle by a key', () => void refused(bundle(owner, { logged }), { ...keyed, profile }, 'NotLogged', ofTiles));
    });
  }
}

/** An envelope's entry has the digest of its payload, which another payload must not have. */
const otherPayload = (told: Logged): Logged => ({ ...told, envelope: { payload: 'ZGVjb3k=', payloadType: 'x', signatures: told.envelope?.signatures ?? [] } });

for (const entryKind of ['dsse', 'intoto'] as const) {
  test(`an ${entryKind} entry about another payload is no entry`, () => {
    refused(bundle(release, { log: 'v1', entryKind, logged: otherPayload }), asking(), 'NotLogged', /another artifact/);
  });
}

test('a dsse entry of Rekor v2 about another payload is no entry', () => {
  refused(bundle(release, { entryKind: 'dsse', logged: otherPayload }), asking(), 'NotLogged', /another artifact/);
});

test('the stock library takes an entry of another key: without our check it would pass', () => {
  const signature = world.legacySignature(release, IMAGE, { logged: bend['another key'] });
  assert.ok(stockVerifyLegacy(world.trustedRootJson, signature));
  assert.ok(stockVerify(world.trustedRootJson, world.bundle(release, IMAGE, { logged: bend['another key'] })));
  refused(found(signature), asking({ trust }), 'NotLogged', /another signer/);
});

test('the bundle annotation of another genuine signature is no entry of this one', () => {
  const [one, two] = [world.legacySignature(owner, IMAGE), world.legacySignature(owner, { ...IMAGE, digest: `sha256:${'b2'.repeat(32)}` })];
  const mixed = { ...one.annotations, 'dev.sigstore.cosign/bundle': two.annotations['dev.sigstore.cosign/bundle'] ?? '' };
  refused(found({ ...one, annotations: mixed }), keyed, 'NotLogged', /another signature/);
});
