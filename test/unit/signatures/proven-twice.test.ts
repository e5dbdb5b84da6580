import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import { asking, AT, bundle, IMAGE, legacy, refused, release } from '../../support/signatures.ts';
import { createWorld } from '../../support/sigstore/world.ts';

/* The command line holds one signature against the rules of cosign and then against those of the operator. */

describe('a signature that is proven by the rules of two profiles', () => {
  for (const [sentence, make] of Object.entries({ 'a bundle': () => bundle(release), 'a legacy signature': () => legacy(release) })) {
    test(`${sentence}: the authority’s signature on its certificate is verified once`, (t) => {
      const candidate = make();
      const { mock } = t.mock.method(X509Certificate.prototype, 'verify');
      assert.deepEqual(prove(candidate, asking({ profile: COSIGN })).digests, [IMAGE.digest]);
      const once = mock.callCount();
      assert.ok(once > 0);
      assert.deepEqual(prove(candidate, asking({ profile: OPERATOR })).digests, [IMAGE.digest]);
      assert.equal(mock.callCount(), once);
    });

    test(`${sentence}: whoever trusts another authority refuses what the first one accepted`, () => {
      const candidate = make();
      const { trust } = asking();
      assert.ok(trust !== undefined);
      prove(candidate, asking());
      const stranger = loadTrustRoot(createWorld({ now: AT, name: 'stranger.test' }).trustedRootJson);
      refused(candidate, asking({ trust: { ...trust, authorities: stranger.authorities } }), 'CertificateInvalid', /is not issued by a certificate authority of the trust root/);
    });
  }

  test('the certificate that is there now counts, and not the one that was there when it was first proven', () => {
    const [candidate, other] = [legacy(release), legacy(release)];
    assert.ok(candidate.format === 'legacy' && other.format === 'legacy');
    prove(candidate, asking());
    const certificate = other.annotations['dev.sigstore.cosign/certificate'] ?? '';
    assert.notEqual(certificate, candidate.annotations['dev.sigstore.cosign/certificate']);
    Object.assign(candidate, { annotations: { ...candidate.annotations, 'dev.sigstore.cosign/certificate': certificate } });
    refused(candidate, asking(), 'SignatureInvalid', /not by the key of its certificate/);
  });
});
