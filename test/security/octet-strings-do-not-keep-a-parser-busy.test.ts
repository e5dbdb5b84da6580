import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ASN1Obj } from '@sigstore/core';
import { DerError } from '../../src/signatures/der.ts';
import { checkSpeculation } from '../../src/signatures/speculation.ts';
import { loadTrustRoot, TrustRootError } from '../../src/signatures/trust-root.ts';
import { costOf } from '../support/cost.ts';
import { asking, bundle, refused, release, world } from '../support/signatures.ts';
import { signCertificate, type CertificateTemplate } from '../support/sigstore/certificate.ts';
import { octetString, sequence } from '../support/sigstore/der.ts';
import type { Bundle } from '../support/sigstore/sign.ts';

/*
 * @sigstore/core reads what is in an OCTET STRING as DER, past its end too, and starts again behind it where that fails: 217 of these four bytes in a
 * row, found by fuzzing, keep it busy for hours. Whoever can push a signature, or write a trust root, could stop whoever verifies.
 */
const step = Buffer.from('30700420', 'hex');
const trap = (steps: number): Buffer => octetString(Buffer.concat([...Array.from({ length: steps }, () => step), Buffer.alloc(200, 0xff)]));
const extension = { oid: '1.3.6.1.4.1.99999.1', critical: false, value: trap(217) };
const trapped = (template: CertificateTemplate): CertificateTemplate => ({ ...template, extensions: [...template.extensions, extension] });

const withToken = (one: Bundle): Bundle => ({
  ...one,
  verificationMaterial: { ...one.verificationMaterial, timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: sequence(sequence(trap(217))).toString('base64') }] } },
});

function bounded(task: () => unknown): void {
  const cost = costOf(task);
  assert.ok(cost < 300, `it costs ${Math.round(cost)}`);
}

describe('octet strings inside of octet strings', () => {
  it('are refused in a timestamp token before the library reads it', () => {
    const candidate = bundle(release, {}, withToken);
    bounded(() => refused(candidate, asking({ timestamp: 'Required' }), 'TimestampInvalid', /takes more than 4000 steps/));
  });

  it('are refused in a signer’s certificate', () => {
    const candidate = bundle(release, { certificate: { shape: trapped } });
    bounded(() => refused(candidate, asking(), 'CertificateInvalid', /takes more than 4000 steps/));
  });

  it('are refused in a certificate of a trust root, which a tenant may write', () => {
    const root = world.trustedRoot();
    const { intermediate, root: issuer } = world.authority;
    const rawBytes = signCertificate(trapped(intermediate.template), issuer.key).toString('base64');
    for (const { certChain } of root.certificateAuthorities) certChain.certificates.splice(0, 1, { rawBytes });
    bounded(() => assert.throws(() => loadTrustRoot(JSON.stringify(root)), (error: unknown) => error instanceof TrustRootError && /takes more than 4000 steps/.test(error.message)));
  });

  it('are still that costly to the library, whose steps are counted as it takes them', () => {
    const costs = [24, 40].map((steps) => costOf(() => ASN1Obj.parseBuffer(Buffer.from(trap(steps)))));
    assert.ok((costs[1] ?? 0) > 4 * (costs[0] ?? 0), `${costs.join(' and ')}: the library has become linear; the guard could go`);
    assert.throws(() => checkSpeculation(trap(64)), DerError);
    assert.doesNotThrow(() => checkSpeculation(trap(8)));
  });
});
