import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Candidate } from '../../src/signatures/types.ts';
import { policy } from '../support/builders.ts';
import { compiled } from '../support/compile.ts';
import { judged } from '../support/judged.ts';
import { AT, found, IMAGE, ISSUER, SUBJECT, world, YEAR } from '../support/signatures.ts';
import { bodyV1 } from '../support/sigstore/log-bodies.ts';
import { addEntry, legacyEntry } from '../support/sigstore/log.ts';
import { certificatePem, type KeyPair } from '../support/sigstore/keys.ts';
import type { LegacySignature } from '../support/sigstore/sign.ts';

/*
 * CVE-2023-33959 and its class: an old, genuine signature that somebody brings back. Of each ECDSA signature there is another one that anybody can compute;
 * no log has seen it, so that the log takes it, today. With a certificate of minutes that is of no use; with a key it is, and a policy that goes by the time is told so.
 */

const OLD = AT - YEAR;
const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

/** A signature's other half (r, n − s), which verifies as well (SEC 1 §4.1.4). */
function twinOf(signature: Buffer): Buffer {
  const length = signature.readUInt8(3);
  const r = signature.subarray(2, 4 + length);
  const s = BigInt(`0x${signature.subarray(6 + length).toString('hex')}`);
  const digits = (ORDER - s).toString(16).padStart(64, '0');
  const bytes = Buffer.from(Number.parseInt(digits.slice(0, 2), 16) >= 0x80 ? `00${digits}` : digits, 'hex');
  const body = Buffer.concat([r, Buffer.from([0x02, bytes.length]), bytes]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** The same payload with the twin of its signature, logged now by somebody who has no key. */
function broughtBack({ payload, annotations }: LegacySignature, signer: { key: KeyPair; certificate?: Buffer }): Candidate {
  const signature = twinOf(Buffer.from(annotations['dev.cosignproject.cosign/signature'] ?? '', 'base64'));
  const entry = addEntry(world.rekorV1, bodyV1('hashedrekord', { message: payload, hash: 'sha256', signature, ...signer }), AT);
  return found({ payload, annotations: { ...annotations, 'dev.cosignproject.cosign/signature': signature.toString('base64'), 'dev.sigstore.cosign/bundle': JSON.stringify(legacyEntry(entry)) } });
}

const owner = world.key();
const byKey = (more: object): Record<string, unknown> => ({ name: 'release', key: { data: owner.key.pem }, ctlog: {}, ...more });
const byIdentity = (more: object): Record<string, unknown> => ({ name: 'ci', keyless: { identities: [{ issuer: ISSUER, subject: SUBJECT }] }, ...more });

describe('CVE-2023-33959: an old signature that is logged anew', () => {
  const demands = [{ maxAge: '24h' }, { notBefore: new Date(AT - 1000).toISOString().replace(/\.\d+/, '') }];

  test('by an identity of Fulcio stays as old as its certificate', () => {
    const key = world.key().key;
    const old = world.legacySignature({ kind: 'keyless', subject: SUBJECT, issuer: ISSUER, claims: {}, keyType: 'P-256', key }, IMAGE, { at: OLD });
    const certificate = Buffer.from((old.annotations['dev.sigstore.cosign/certificate'] ?? '').replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
    assert.equal(certificatePem(certificate), old.annotations['dev.sigstore.cosign/certificate']);
    for (const demand of demands) {
      assert.equal(judged({ authorities: [byIdentity(demand)] }, [found(old)]).reason, 'SignatureTooOld');
      assert.equal(judged({ authorities: [byIdentity(demand)] }, [broughtBack(old, { key, certificate })]).reason, 'CertificateInvalid');
    }
  });

  test('by a key is as new as its entry, which nobody can tell: the policy is told', () => {
    const old = world.legacySignature(owner, IMAGE, { at: OLD });
    for (const demand of demands) {
      const authority = byKey(demand);
      assert.equal(judged({ authorities: [authority] }, [found(old)]).reason, 'SignatureTooOld');
      assert.equal(judged({ authorities: [authority] }, [broughtBack(old, { key: owner.key })]).reason, 'SignatureValid');
      const { warnings } = compiled(policy({ authorities: [authority] }));
      assert.ok(warnings.length === 1 && warnings[0]?.startsWith(`spec.authorities[0].${Object.keys(demand)[0]} goes by when`), warnings.join('; '));
    }
  });

  test('so is an attestation by a key, of which the newest is wanted', () => {
    const attestations = [{ name: 'scan', predicateType: 'vuln', match: 'Newest' }];
    assert.match(compiled(policy({ authorities: [byKey({ attestations })] })).warnings.join(), /^spec\.authorities\[0\]\.attestations\[0\]\.match goes by when/);
    assert.deepEqual(compiled(policy({ authorities: [byIdentity({ attestations })] })).warnings, []);
  });

  test('where no time is asked for, nothing is said of it', () => assert.deepEqual([byKey({}), byIdentity({ maxAge: '24h' })].flatMap((authority) => compiled(policy({ authorities: [authority] })).warnings), []));
});
