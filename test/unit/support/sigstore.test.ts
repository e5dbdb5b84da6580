import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAuthority } from '../../support/sigstore/authority.ts';
import { createCtLog } from '../../support/sigstore/ct-log.ts';
import { flip } from '../../support/sigstore/flip.ts';
import { signWith, type KeyType } from '../../support/sigstore/keys.ts';
import { promiseOf } from '../../support/sigstore/log.ts';
import type { Bundle, LegacySignature, SignOptions, StatementOptions } from '../../support/sigstore/sign.ts';
import { stockVerify, stockVerifyLegacy, type StockOptions } from '../../support/sigstore/stock.ts';
import { trustedRoot, type TrustedPart } from '../../support/sigstore/trusted-root.ts';
import { createWorld } from '../../support/sigstore/world.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const HOUR = 3600 * 1000;
const DAY = 24 * HOUR;
const KEYS: readonly KeyType[] = ['P-256', 'P-384', 'P-521', 'RSA-2048', 'RSA-4096', 'Ed25519'];
const artifact = { digest: `sha256:${'a'.repeat(64)}`, repository: 'registry.test/acme/app' };
const world = createWorld({ now: NOW });
const other = createWorld({ now: NOW });
const release = world.keyless({
  subject: 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1',
  issuer: 'https://token.actions.githubusercontent.com',
  claims: { githubWorkflowTrigger: 'push', sourceRepositoryURI: 'https://github.com/acme/app' },
});
const keyed = world.key();

/** Only the key is asked for: neither log nor timestamp. */
const keyOnly: StockOptions = { tlogThreshold: 0, timestampThreshold: 0, key: keyed.key.publicKey };
const stampOnly: StockOptions = { tlogThreshold: 0 };

function refused(verify: () => unknown, message: RegExp): void {
  assert.throws(verify, (error: unknown) => {
    const chain = [error, (error as Error).cause].map(String).join(' / ');
    assert.match(chain, message);
    return true;
  });
}

describe('a keyless legacy signature', () => {
  const good: Record<string, [SignOptions, StockOptions?]> = {
    'verifies by the promise of the log': [{}],
    'verifies by log and timestamp': [{ timestamp: true }],
    'verifies by its timestamp alone': [{ log: 'none', timestamp: true }, stampOnly],
    'verifies when it was made years ago': [{ at: NOW - 4 * 365 * DAY }],
    'verifies with annotations': [{ annotations: { env: 'prod', note: '<a> & b' } }],
    'verifies with the SCTs of two logs': [{ certificate: { ctLogs: [world.authority.ctLog, other.authority.ctLog] } }],
  };
  for (const [sentence, [options, stock]] of Object.entries(good)) {
    test(sentence, () => {
      const signature = world.legacySignature(release, artifact, options);
      const signer = stockVerifyLegacy(JSON.stringify(trustedRoot([world, other], { at: NOW })), signature, stock);
      assert.equal(signer.identity?.subjectAlternativeName, release.subject);
      assert.equal(signer.identity?.extensions?.issuer, release.issuer);
    });
  }

  const bad: Record<string, [SignOptions, RegExp, StockOptions?]> = {
    'of another authority is refused': [{ services: { authority: other.authority } }, /certificate/],
    'in another log is refused': [{ services: { rekorV1: other.rekorV1 } }, /inclusion promise/],
    'stamped by another authority is refused': [
      { timestamp: true, services: { timestampAuthority: other.timestampAuthority } },
      /timestamp could not be verified/,
    ],
    'with a wrong promise is refused': [
      { entry: (entry) => ({ ...entry, logIndex: entry.logIndex + 1 }) },
      /inclusion promise/,
    ],
    'logged for another payload is refused': [
      { logged: (told) => ({ ...told, message: Buffer.from('other') }) },
      /digest mismatch/,
    ],
    'logged with another signature is refused': [
      { logged: (told) => ({ ...told, signature: signWith(keyed.key, told.message) }) },
      /signature mismatch/,
    ],
    'logged after the certificate ended is refused': [{ loggedAt: NOW + HOUR }, /not valid or expired/],
    'stamped after the certificate ended is refused': [
      { timestamp: true, stampedAt: NOW + HOUR },
      /not valid or expired/,
    ],
    'stamped for something else is refused': [
      { timestamp: true, stamped: () => Buffer.from('other') },
      /timestamp could not be verified/,
    ],
    'whose token signs other content is refused': [
      { timestamp: true, token: { contentDigest: Buffer.alloc(32) } },
      /timestamp could not be verified/,
    ],
    'with a wrong signature is refused': [{ signature: flip }, /signature/],
    'without SCT is refused': [{ certificate: { ctLogs: [] } }, /SCT/],
    'with the SCT of another log is refused': [
      { certificate: { ctLogs: [other.authority.ctLog] } },
      /SCT verification failed/,
    ],
    'with a bent SCT is refused': [
      {
        certificate: {
          timestamp: (bytes) => flip(bytes, 40),
        },
      },
      /SCT verification failed/,
    ],
    'without entry is refused': [{ log: 'none', timestamp: true }, /tlog/i],
  };
  for (const [sentence, [options, message, stock]] of Object.entries(bad)) {
    test(sentence, () => {
      const signature = world.legacySignature(release, artifact, options);
      refused(() => stockVerifyLegacy(world.trustedRootJson, signature, stock), message);
    });
  }

  test('says in its payload what cosign says, with Go escapes', () => {
    const { payload } = world.legacySignature(release, artifact, { annotations: { b: 1, a: '<&>' } });
    assert.equal(
      payload.toString(),
      `{"critical":{"identity":{"docker-reference":"registry.test/acme/app"},"image":{"docker-manifest-digest":"${artifact.digest}"},` +
        '"type":"cosign container image signature"},"optional":{"a":"\\u003c\\u0026\\u003e","b":1}}',
    );
  });
});

describe('a key', () => {
  for (const type of KEYS) {
    const signer = world.key(type);
    const own: StockOptions = { ...keyOnly, key: signer.key.publicKey };
    if (type !== 'Ed25519') {
      test(`${type} makes a legacy signature that verifies, with and without log`, () => {
        stockVerifyLegacy(world.trustedRootJson, world.legacySignature(signer, artifact, { log: 'none' }), own);
        stockVerifyLegacy(world.trustedRootJson, world.legacySignature(signer, artifact), {
          key: signer.key.publicKey,
        });
      });
    }
    test(`${type} makes a bundle that verifies, with and without log`, () => {
      const hash = 'sha256'; // the stock verifier knows no other for envelopes
      stockVerify(world.trustedRootJson, world.bundle(signer, artifact, { log: 'none', hash }), undefined, own);
      const logged = world.bundle(signer, artifact, { hash, timestamp: true });
      stockVerify(world.trustedRootJson, logged, undefined, { key: signer.key.publicKey });
    });
  }

  test('does not verify what another key signed', () => {
    const signature = world.legacySignature(world.key(), artifact, { log: 'none' });
    refused(() => stockVerifyLegacy(world.trustedRootJson, signature, keyOnly), /signature verification failed/);
  });
});

describe('a bundle', () => {
  const good: Record<string, [SignOptions & StatementOptions, StockOptions?]> = {
    'in Rekor v2 with a timestamp verifies': [{}],
    'in Rekor v2 as dsse verifies': [{ entryKind: 'dsse' }],
    'in Rekor v1 verifies by promise and proof': [{ log: 'v1' }],
    'in Rekor v1 as intoto verifies': [{ log: 'v1', entryKind: 'intoto' }],
    'in Rekor v1 as hashedrekord verifies': [{ log: 'v1', entryKind: 'hashedrekord' }],
    'in Rekor v1 by proof and timestamp verifies': [
      { log: 'v1', timestamp: true, entry: ({ promise: _, ...entry }) => ({ ...entry, integratedTime: 0 }) },
    ],
    'with a timestamp alone verifies': [{ log: 'none' }, stampOnly],
    'whose token carries its certificate verifies': [{ token: { certificate: true, hash: 'sha512' } }],
    'with an attestation verifies': [
      { predicateType: 'https://slsa.dev/provenance/v1', predicate: { buildDefinition: {} } },
    ],
  };
  for (const [sentence, [options, stock]] of Object.entries(good)) {
    test(sentence, () => {
      const signer = stockVerify(world.trustedRootJson, world.bundle(release, artifact, options), undefined, stock);
      assert.equal(signer.identity?.subjectAlternativeName, release.subject);
    });
  }

  const bad: Record<string, [SignOptions & StatementOptions, RegExp]> = {
    'of another authority is refused': [{ services: { authority: other.authority } }, /certificate/],
    'in another Rekor v2 is refused': [{ services: { rekorV2: other.rekorV2 } }, /checkpoint signature/],
    'in another Rekor v1 is refused': [{ log: 'v1', services: { rekorV1: other.rekorV1 } }, /inclusion promise/],
    'with a wrong path in the tree is refused': [
      { entry: (entry) => ({ ...entry, proof: { ...entry.proof, hashes: entry.proof.hashes.toReversed() } }) },
      /root hash/,
    ],
    'with a forged checkpoint is refused': [
      {
        entry: (entry) => ({
          ...entry,
          proof: { ...entry.proof, checkpoint: entry.proof.checkpoint.replace(/\n\d+\n/, '\n99\n') },
        }),
      },
      /checkpoint signature/,
    ],
    'logged for another statement is refused': [
      { logged: (told) => ({ ...told, message: Buffer.from('other') }) },
      /digest mismatch/,
    ],
    'logged as dsse for another payload is refused': [
      { log: 'v1', logged: (told) => ({ ...told, envelope: { payload: '', payloadType: '', signatures: [] } }) },
      /payload hash mismatch/,
    ],
    'with a bent body is refused': [{ body: (body) => ({ ...body, kind: 'dsse' }) }, /./],
    'with no time at all is refused': [{ timestamp: false }, /timestamp/],
  };
  for (const [sentence, [options, message]] of Object.entries(bad)) {
    test(sentence, () => {
      refused(() => stockVerify(world.trustedRootJson, world.bundle(release, artifact, options)), message);
    });
  }

  test('over the message itself verifies', () => {
    const message = Buffer.from('{"schemaVersion":2}');
    for (const log of ['v1', 'v2'] as const) {
      stockVerify(world.trustedRootJson, world.messageBundle(release, message, { log, timestamp: true }), message);
    }
  });

  test('verifies at every index of a growing tree', () => {
    const fresh = createWorld({ now: NOW });
    for (let index = 0; index < 40; index++) {
      stockVerify(fresh.trustedRootJson, fresh.bundle(fresh.keyless(release), artifact));
    }
    assert.equal(fresh.rekorV2.tree.size, 43);
  });

  test('has the shape that cosign 3 writes', () => {
    const made = world.bundle(release, artifact, { annotations: { env: 'prod' } });
    assert.deepEqual(Object.keys(made), ['mediaType', 'verificationMaterial', 'dsseEnvelope']);
    assert.deepEqual(JSON.parse(Buffer.from(made.dsseEnvelope?.payload ?? '', 'base64').toString()), {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [{ digest: { sha256: 'a'.repeat(64) }, annotations: { env: 'prod' } }],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
      predicate: {},
    });
  });
});

describe('a trusted root', () => {
  const legacy = world.legacySignature(release, artifact);
  const modern = world.bundle(release, artifact);
  const lacking: Record<TrustedPart, [LegacySignature | Bundle, RegExp]> = {
    tlogs: [legacy, /inclusion promise/],
    certificateAuthorities: [legacy, /certificate/],
    ctlogs: [legacy, /SCT/],
    timestampAuthorities: [modern, /timestamp/],
  };
  for (const [part, [signature, message]] of Object.entries(lacking) as [
    TrustedPart,
    [LegacySignature | Bundle, RegExp],
  ][]) {
    const verify = (root: unknown) =>
      'payload' in signature
        ? stockVerifyLegacy(JSON.stringify(root), signature)
        : stockVerify(JSON.stringify(root), signature);
    test(`without ${part} verifies nothing`, () => {
      refused(() => verify(world.trustedRoot({ without: [part] })), message);
    });
    test(`with ${part} that ended before verifies nothing`, () => {
      const ended = { start: '2020-01-01T00:00:00Z', end: '2021-01-01T00:00:00Z' };
      refused(() => verify(world.trustedRoot({ periods: { [part]: ended } })), message);
      const open = { start: '2020-01-01T00:00:00Z', end: '2030-01-01T00:00:00Z' };
      verify(world.trustedRoot({ periods: { [part]: open } }));
    });
  }
});

describe('the parts by themselves', () => {
  test('an entry can be promised again after it was changed', () => {
    const signature = world.legacySignature(release, artifact, {
      entry: (entry) => {
        const later = { ...entry, integratedTime: entry.integratedTime + 60 };
        return { ...later, promise: promiseOf(world.rekorV1, later) };
      },
    });
    stockVerifyLegacy(world.trustedRootJson, signature);
  });

  test('authorities with other kinds of keys work too', () => {
    for (const keyType of ['P-256', 'RSA-2048'] as const) {
      const authority = createAuthority({ at: NOW, keyType, ctLog: createCtLog() });
      const signature = world.legacySignature(release, artifact, { services: { authority } });
      stockVerifyLegacy(JSON.stringify(trustedRoot([world, { ...world, authority }], { at: NOW })), signature);
    }
  });
});
