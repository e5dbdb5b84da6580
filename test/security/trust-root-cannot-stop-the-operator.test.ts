import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { embeddedTrustSource } from '../../src/signatures/trust-recipe.ts';
import { loadTrustRoot, TrustRootError } from '../../src/signatures/trust-root.ts';
import { compilePolicy } from '../../src/verification/policy/compile.ts';
import { authorityConstraints, extendedKeyUsage, keyUsage, randomSerial, signCertificate, USAGE } from '../support/sigstore/certificate.ts';
import { generateKey, type KeyPair } from '../support/sigstore/keys.ts';
import { world } from '../support/signatures.ts';
import { costOf } from '../support/cost.ts';

/*
 * A namespaced policy may bring its own trust root, written by whoever may write a ConfigMap there. One with 64 chains of 8 certificates
 * of one name took 1 to 3 s to prove, and once more for each of up to 16 authorities that named it (CVE-2024-12401 is of this kind).
 */

/** What `costOf` may say: milliseconds of a fixed machine, whatever else this one does. */
const BOUND = 400;

const [root, other] = [generateKey('P-521'), generateKey('P-521')];
const name = { commonName: 'authority' };

function certificate({ spki }: KeyPair): { rawBytes: string } {
  const extensions = [authorityConstraints(9), keyUsage('certificates'), extendedKeyUsage([USAGE.codeSigning])];
  const template = { serial: randomSerial(), issuer: name, subject: name, notBefore: 0, notAfter: 4e12, spki, extensions };
  return { rawBytes: signCertificate(template, root).toString('base64') };
}

/** Every certificate seems to be issued by each after it, and is by the last alone. */
const certificates = [...Array.from({ length: 7 }, () => certificate(other)), certificate(root)];

function trustedRoot(chains: number, logs = 0): string {
  const base = JSON.parse(world.trustedRootJson) as Record<string, unknown[]>;
  const chain = { subject: {}, uri: 'https://ca.example', certChain: { certificates }, validFor: { start: '2020-01-01T00:00:00Z' } };
  const copies = Array.from({ length: logs }, () => base['tlogs']?.[0]);
  return JSON.stringify({ ...base, tlogs: [...(base['tlogs'] ?? []), ...copies], certificateAuthorities: [...(base['certificateAuthorities'] ?? []), ...Array.from({ length: chains }, () => chain)] });
}

function compile(text: string, authorities: number): string {
  const trustRootRef = { kind: 'ConfigMap', name: 'root' };
  const keyless = { trustRootRef, identities: [{ issuer: 'https://i.example', subject: 'me@i.example' }] };
  const spec = { images: [{ glob: '**' }], authorities: Array.from({ length: authorities }, (_, at) => ({ name: `a${at}`, keyless, ctlog: { trustRootRef } })) };
  const references = new Map([['ConfigMap/root/trusted_root.json', { status: 'Found', value: text } as const]]);
  const result = compilePolicy({ kind: 'ImageVerification', metadata: { name: 'p', namespace: 'web' }, spec }, { references, trustRoot: embeddedTrustSource() });
  return result.status === 'refused' ? result.message : result.status;
}

describe('a trust root cannot stop the operator', () => {
  test('hundreds of certificates are refused before any of them is proven', () => {
    const text = trustedRoot(60);
    assert.ok(costOf(() => assert.throws(() => loadTrustRoot(text), { name: TrustRootError.name, code: 'TooLarge' })) < BOUND);
  });

  test('certificates of one name are proven in a bounded time', () => {
    const text = trustedRoot(6);
    assert.ok(costOf(() => assert.throws(() => loadTrustRoot(text), /is not issued by a certificate after it/)) < BOUND);
  });

  test('a root that every authority names is proven once', () => {
    const text = JSON.stringify({ ...(JSON.parse(world.trustedRootJson) as object), timestampAuthorities: [] });
    compile(`${text} `, 16);
    const one = costOf(() => assert.equal(compile(`${text}  `, 1), 'compiled'));
    const all = costOf(() => assert.equal(compile(`${text}   `, 16), 'compiled'));
    assert.ok(all < 4 * one + 10, `${all} ms for sixteen authorities, ${one} ms for one`);
  });

  test('keys under one log id are counted, because each is tried for each entry', () => {
    assert.throws(() => loadTrustRoot(trustedRoot(0, 20)), /keys under one log id; at most 4 are read/);
    assert.doesNotThrow(() => loadTrustRoot(trustedRoot(0, 2)));
  });
});
