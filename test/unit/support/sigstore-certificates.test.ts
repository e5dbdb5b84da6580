import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { CLAIMS, certificateFaults, createAuthority, issueLeaf } from '../../support/sigstore/authority.ts';
import { certificatePem, generateKey } from '../../support/sigstore/keys.ts';
import { stockVerify } from '../../support/sigstore/stock.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const SERVER = '1.3.6.1.5.5.7.3.1';
const world = createWorld({ now: NOW });
const issuer = 'https://accounts.corp.test';
const admin = world.keyless({ subject: 'admin@corp.test', issuer });
const artifact = { digest: `sha256:${'a'.repeat(64)}`, repository: 'registry.test/acme/app' };

function leafOf(options: Partial<Parameters<typeof issueLeaf>[1]> = {}, authority = world.authority): X509Certificate {
  return new X509Certificate(
    issueLeaf(authority, { spki: generateKey().spki, at: NOW, subject: admin.subject, issuer, ...options }),
  );
}

describe('a leaf as OpenSSL reads it', () => {
  test('is issued by the intermediate, which is issued by the root, whatever their keys are', () => {
    for (const keyType of ['P-256', 'P-384', 'P-521', 'RSA-2048', 'Ed25519'] as const) {
      const authority = createAuthority({ at: NOW, keyType });
      const [leaf, intermediate, root] = [
        leafOf({}, authority),
        new X509Certificate(authority.intermediate.certificate),
        new X509Certificate(authority.root.certificate),
      ];
      assert.ok(leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey), keyType);
      assert.ok(intermediate.checkIssued(root) && intermediate.verify(root.publicKey), keyType);
      assert.ok(root.checkIssued(root) && root.verify(root.publicKey), keyType);
      assert.deepEqual([leaf.ca, intermediate.ca, root.ca], [false, true, true]);
    }
  });

  test('lives ten minutes, or as long as it was told', () => {
    assert.equal(leafOf().validToDate.getTime() - leafOf().validFromDate.getTime(), 600_000);
    const year = 365 * 24 * 3600 * 1000;
    assert.equal(leafOf({ lifetime: 30 * year }).validToDate.getTime(), NOW + 30 * year);
  });

  const subjects: Record<string, [string, string]> = {
    'names an e-mail address': ['a@b.test', 'email:a@b.test'],
    'names a URI': ['https://b.test/x@y', 'URI:https://b.test/x@y'],
    'names a Fulcio username': ['robot', 'othername:<unsupported>'],
  };
  for (const [sentence, [subject, text]] of Object.entries(subjects)) {
    test(sentence, () => assert.equal(leafOf({ subject }).subjectAltName, text));
  }

  test('is also read from the PEM that signatures carry', () => {
    const leaf = leafOf();
    assert.equal(new X509Certificate(certificatePem(leaf.raw)).fingerprint256, leaf.fingerprint256);
  });
});

describe('the claims of a leaf', () => {
  test('are read by the stock verifier as they were given: raw up to .6, DER UTF8String from .8 on', () => {
    const claims = Object.fromEntries(Object.keys(CLAIMS).map((name) => [name, `value of ${name}`]));
    const made = world.bundle(world.keyless({ ...admin, claims }), artifact);
    const found = new Map(
      (stockVerify(world.trustedRootJson, made).identity?.oids ?? []).map(({ oid, value }) => [
        oid?.id.join('.'),
        value,
      ]),
    );
    for (const [name, arc] of Object.entries(CLAIMS)) {
      const text = Buffer.from(`value of ${name}`);
      const der = Buffer.concat([Buffer.from([0x0c, text.length]), text]);
      assert.deepEqual(found.get(`1.3.6.1.4.1.57264.1.${arc}`), arc <= 6 ? text : der, name);
    }
    assert.equal(found.get('1.3.6.1.4.1.57264.1.1')?.toString(), issuer);
  });

  test('can be given by OID, and nothing else is taken', () => {
    const leaf = leafOf({ claims: { '1.3.6.1.4.1.57264.1.99': 'x' } });
    assert.match(leaf.raw.toString('hex'), /060a2b0601040183bf30016304030c0178/);
    assert.throws(() => leafOf({ claims: { githubWorkflow: 'x' } }), /no such claim/);
  });
});

describe('a fault of a certificate', () => {
  interface Seen {
    readonly names?: string | undefined;
    readonly usage?: readonly string[] | undefined;
    readonly ca?: boolean;
    /** How often an extension is there. */
    readonly counts?: Readonly<Partial<Record<keyof typeof EXTENSIONS, number>>>;
  }
  const EXTENSIONS = {
    subject: '0603551d11',
    issuer: '060a2b0601040183bf300101',
    issuerV2: '060a2b0601040183bf300108',
    unknown: '06092b06010401868d1f01',
  };
  const plain = { names: 'email:admin@corp.test', usage: [CODE_SIGNING], ca: false };
  const once = { subject: 1, issuer: 1, issuerV2: 1, unknown: 0 };
  const faults: Record<keyof typeof certificateFaults, Seen> = {
    noExtendedKeyUsage: { usage: undefined },
    serverAuthOnly: { usage: [SERVER] },
    certificateAuthority: { ca: true },
    noSubject: { names: undefined, counts: { subject: 0 } },
    twoSubjects: { names: 'email:first@corp.test, email:second@evil.test' },
    subjectTwice: { counts: { subject: 2 } },
    subjectWithHighBit: { names: 'email:"\\u00e1dmin@corp.test"' },
    subjectWithNul: { names: 'email:"admin@corp.test\\u0000.evil.test"' },
    noIssuer: { counts: { issuer: 0, issuerV2: 0 } },
    issuerTwice: { counts: { issuer: 2, issuerV2: 2 } },
    issuersDiffer: {},
    unknownCritical: { counts: { unknown: 1 } },
    unknownNotCritical: { counts: { unknown: 1 } },
    serverName: { names: 'DNS:web.corp.test' },
  };
  for (const [name, { counts, ...expected }] of Object.entries(faults) as [keyof typeof faults, Seen][]) {
    test(`${name} is in the certificate, which is signed all the same, and the stock verifier takes it`, () => {
      const shape = certificateFaults[name];
      const leaf = leafOf({ shape });
      assert.deepEqual({ names: leaf.subjectAltName, usage: leaf.keyUsage, ca: leaf.ca }, { ...plain, ...expected });
      const hex = leaf.raw.toString('hex');
      const counted = Object.entries(EXTENSIONS).map(([key, oid]) => [key, hex.split(oid).length - 1]);
      assert.deepEqual(Object.fromEntries(counted), { ...once, ...counts });
      assert.ok(leaf.verify(new X509Certificate(world.authority.intermediate.certificate).publicKey));
      stockVerify(world.trustedRootJson, world.bundle(admin, artifact, { certificate: { shape } }));
    });
  }

  test('of differing issuers puts each in its own extension', () => {
    const text = leafOf({ shape: certificateFaults.issuersDiffer }).raw.toString('latin1');
    assert.ok(text.includes('https://evil.test') && text.includes(issuer));
  });

  test('of an unknown extension is critical only where it says so', () => {
    const critical = (fault: 'unknownCritical' | 'unknownNotCritical') =>
      leafOf({ shape: certificateFaults[fault] }).raw.toString('hex').includes(`${EXTENSIONS.unknown}0101ff`);
    assert.deepEqual([critical('unknownCritical'), critical('unknownNotCritical')], [true, false]);
  });
});
