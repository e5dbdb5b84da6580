import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Fault } from '../support/faulty-registry.ts';
import { pushBundle, pushImage, type PushedImage } from '../support/sigstore/push.ts';
import type { TestSigner } from '../support/sigstore/sign.ts';
import { publicKeyPem } from '../support/sigstore/world.ts';
import { startTrial, type Trial } from '../support/trial.ts';

/* What a hostile registry, or one that has a bad day, can do between two looks. The registry is a real one; what it says is bent on the way. */

const ISSUER = 'https://token.example';
const SUBJECT = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1';

let trial: Trial;
let release: TestSigner & { kind: 'keyless' };
let owner: TestSigner & { kind: 'key' };
before(async () => {
  trial = await startTrial();
  release = trial.world.keyless({ subject: SUBJECT, issuer: ISSUER });
  owner = trial.world.key();
});
after(() => trial.stop());

const byKey = (changes: Record<string, unknown> = {}): Record<string, unknown> => ({ authorities: [{ name: 'release', key: { data: publicKeyPem(owner) }, ...changes }] });
const byIdentity = (identity: Record<string, unknown> = { issuer: ISSUER, subject: SUBJECT }): Record<string, unknown> => ({ authorities: [{ name: 'ci', keyless: { identities: [identity] } }] });

async function signed(signer: TestSigner = owner, options: Parameters<Trial['world']['signImage']>[2] = {}): Promise<PushedImage> {
  const image = await trial.push();
  await trial.world.signImage(image, signer, { format: 'legacy', ...options });
  return image;
}

const isTag = (path: string): boolean => path.endsWith('/manifests/v1');

/** Answers for the tag with the digest of whichever image is next in turn; says nothing of its bytes. */
function taking(turns: readonly PushedImage[]): Fault {
  let at = 0;
  return ({ url = '', method }, response, forward) => {
    if (!isTag(url)) return forward();
    const image = turns[Math.min(at, turns.length - 1)];
    at += 1;
    response.writeHead(method === 'HEAD' ? 200 : 500, { 'docker-content-digest': image?.digest ?? '', 'content-type': image?.mediaType ?? '', 'content-length': String(image?.size ?? 0) }).end();
  };
}

/** Another image in the same repository, which nobody signed. */
function beside({ host, repository }: PushedImage): Promise<PushedImage> {
  return pushImage(host, `${repository}:evil`, { content: `evil ${repository}` });
}

describe('CVE-2022-47633, CVE-2026-122321: a registry that answers otherwise the second time', () => {
  for (const [order, verdicts] of Object.entries({ 'first the signed image, then another': ['Verified', 'Failed'], 'first another image, then the signed one': ['Failed', 'Verified'] })) {
    test(`${order}: each verdict is about the digest that it names, and the tag is asked for once a look`, async () => {
      const good = await signed();
      const evil = await beside(good);
      const turns = verdicts.map((result) => (result === 'Verified' ? good : evil));
      trial.registry.fault(good.repository, taking(turns));
      const wanted = trial.policy(byKey());
      for (const [at, turn] of turns.entries()) {
        trial.forget();
        const { verdict, result } = await trial.judge(wanted, good.reference);
        assert.deepEqual([result, verdict.digest], [verdicts[at], turn.digest]);
        assert.equal(trial.requests.filter(isTag).length, 1, trial.requests.join(', '));
      }
    });
  }

  test('CVE-2023-47630: what lies at one digest is not taken for another, neither the bytes nor what they say', async () => {
    const [good, other] = [await signed(), await signed(owner, { annotations: { another: 'payload' } })];
    const swaps: Record<string, [(url: string) => string, string]> = {
      'the signatures of another image': [(url) => url.replace(/sha256-[0-9a-f]{64}\.sig/, `${other.digest.replace(':', '-')}.sig`), 'Failed DigestMismatch'],
      'another signed payload': [(url) => (url.includes('/blobs/') ? `/v2/${other.repository}/blobs/${blobs.other}` : url), 'Unknown DigestMismatch'],
    };
    const blobs = { other: await payloadOf(other) };
    for (const [what, [swap, says]] of Object.entries(swaps)) {
      trial.registry.fault(good.repository, (asked, _, forward) => {
        asked.url = swap((asked.url ?? '').replace(good.repository, what.startsWith('the') ? other.repository : good.repository));
        forward();
      });
      trial.restart();
      const { result, reason, message } = await trial.judge(trial.policy(byKey()), good.pinned);
      assert.equal(`${result} ${reason}`, says, `${what}: ${message}`);
    }
  });
});

/** The digest of the payload that somebody signed. */
async function payloadOf({ host, repository, digest }: PushedImage): Promise<string> {
  const answer = await fetch(`http://${host}/v2/${repository}/manifests/${digest.replace(':', '-')}.sig`);
  return ((await answer.json()) as { layers: { digest: string }[] }).layers[0]?.digest ?? '';
}

test('peer: after the verdict no tag is looked up again, and a verdict about a digest asks for no tag at all', async () => {
  const image = await signed();
  const wanted = trial.policy(byKey());
  trial.forget();
  assert.equal((await trial.judge(wanted, image.reference)).result, 'Verified');
  const [first, ...later] = trial.requests.filter((path) => !path.includes('sha256-'));
  assert.match(first ?? '', /^HEAD .*\/manifests\/v1$/);
  assert.ok(!later.some(isTag), later.join(', '));
  trial.restart();
  trial.forget();
  assert.equal((await trial.judge(wanted, `${image.reference}@${image.digest}`)).result, 'Verified');
  assert.ok(!trial.requests.some(isTag), trial.requests.join(', '));
});

describe('peer: a registry that throttles', () => {
  /** 429 to every so-manieth request. */
  const throttling = (every: number): Fault => {
    let count = 0;
    return (_, response, forward) => {
      count += 1;
      if (count % every !== 0) return forward();
      response.writeHead(429, { 'content-type': 'application/json' }).end('{"errors":[{"code":"TOOMANYREQUESTS"}]}');
    };
  };

  test('now and then refuses nobody', async () => {
    for (const every of [4, 3]) {
      const image = await signed();
      trial.registry.fault(image.repository, throttling(every));
      const { result, message } = await trial.judge(trial.policy(byKey()), image.reference);
      assert.equal(result, 'Verified', `every ${every}: ${message}`);
    }
  });

  test('is told apart from one that is down, from a tag that is not there and from an image that nobody signed', async () => {
    const reasons: Record<string, string> = {};
    const faults: Record<string, Fault> = {
      throttled: throttling(1),
      down: (_, response) => void response.destroy(),
      missing: (asked, _, forward) => {
        asked.url = asked.url?.replace('/manifests/v1', '/manifests/v2') ?? '';
        forward();
      },
      unsigned: (_, __, forward) => forward(),
    };
    for (const [how, fault] of Object.entries(faults)) {
      const image = await trial.push();
      trial.registry.fault(image.repository, fault);
      const { result, reason, message } = await trial.judge(trial.policy(byKey()), image.reference);
      reasons[how] = `${result} ${reason}`;
      assert.ok(message.includes(image.repository), message);
    }
    assert.deepEqual(reasons, { throttled: 'Unknown RegistryThrottled', down: 'Unknown RegistryUnavailable', missing: 'Failed TagNotFound', unsigned: 'Failed NoSignature' });
  });
});

test('peer: a cache of a thousand entries holds a thousand: the second look at that many digests asks the registry nothing', async () => {
  const image = await signed();
  const wanted = trial.policy(byKey());
  // One signed manifest under a thousand names is a thousand images to every cache of ours.
  const names = Array.from({ length: 1000 }, (_, index) => `${image.repository}-copy-${index}`);
  trial.registry.fault(`${image.repository}-copy`, (asked, _, forward) => {
    asked.url = asked.url?.replace(/-copy-\d+/, '') ?? '';
    forward();
  });
  const look = async (): Promise<void> => {
    // Few at a time: each has its time limit, and waiting for a place at the registry counts.
    for (let at = 0; at < names.length; at += 20) {
      const judged = await Promise.all(names.slice(at, at + 20).map((name) => trial.judge(wanted, `${image.host}/${name}@${image.digest}`)));
      for (const { result, message } of judged) assert.equal(result, 'Verified', message);
    }
  };
  await look();
  trial.forget();
  await look();
  assert.deepEqual([trial.requests, trial.judgements()], [[], 0]);
});

test('peer: a wrong identity is told with the one that was wanted', async () => {
  const image = await signed(trial.world.keyless({ subject: 'mallory@example.test', issuer: 'https://other.example' }));
  const { reason, message } = await trial.judge(trial.policy(byIdentity()), image.reference);
  assert.equal(reason, 'IdentityMismatch');
  for (const part of ['mallory@example.test', 'https://other.example', SUBJECT, ISSUER]) assert.ok(message.includes(part), `${part} is not in: ${message}`);
});

describe('CVE-2023-33959, CVE-2024-23332: a registry that replays a genuine signature', () => {
  test('of another repository is refused where the repository is asked for', async () => {
    const image = await signed(owner);
    const copy = await pushImage(image.host, `${image.repository}-stolen:v1`, { content: `${image.repository}:v1` });
    assert.equal(copy.digest, image.digest, 'the copy is of the same bytes');
    trial.registry.fault(copy.repository, (asked, _, forward) => {
      asked.url = asked.url?.replace(copy.repository, image.repository) ?? '';
      forward();
    });
    assert.equal((await trial.judge(trial.policy(byKey()), copy.reference)).result, 'Verified');
    const { reason, message } = await trial.judge(trial.policy(byKey({ requireRepository: true })), copy.reference);
    assert.equal(reason, 'DigestMismatch', message);
    assert.equal((await trial.judge(trial.policy(byKey({ requireRepository: true })), image.reference)).result, 'Verified');
  });

  test('of an old image is refused where an age is asked for', async () => {
    const image = await signed(release, { at: Date.now() - 48 * 3_600_000 });
    const [authority] = byIdentity()['authorities'] as [Record<string, unknown>];
    assert.equal((await trial.judge(trial.policy({ authorities: [authority] }), image.reference)).result, 'Verified');
    for (const demand of [{ maxAge: '24h' }, { notBefore: new Date(Date.now() - 3_600_000).toISOString().replace(/\.\d+/, '') }]) {
      assert.equal((await trial.judge(trial.policy({ authorities: [{ ...authority, ...demand }] }), image.reference)).reason, 'SignatureTooOld', JSON.stringify(demand));
    }
  });
});

describe('CVE-2022-35929, CVE-2022-35930: what is not there', () => {
  test('an image with attestations of every type, and no signature, is not verified', async () => {
    for (const format of ['bundle', 'legacy'] as const) {
      const image = await trial.push();
      for (const predicateType of ['https://slsa.dev/provenance/v1', 'https://cyclonedx.org/bom', 'https://sigstore.dev/cosign/sign/v1x']) await trial.world.signImage(image, owner, { predicateType, format: 'bundle' });
      if (format === 'legacy') await trial.world.signImage(image, trial.world.key(), { format });
      const { result, reason } = await trial.judge(trial.policy(byKey()), image.reference);
      assert.deepEqual([result, reason], ['Failed', format === 'bundle' ? 'NoSignature' : 'KeyMismatch']);
    }
  });

  test('an empty list of layers, and layers without a signature, are not verified', async () => {
    for (const layers of [[], [{ mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json', size: 2, digest: `sha256:${'44'.repeat(32)}` }]]) {
      const image = await signed();
      trial.registry.fault(image.repository, ({ url = '' }, response, forward) => {
        if (!url.endsWith('.sig')) return forward();
        const body = JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.manifest.v1+json', config: { mediaType: 'a/b', size: 0, digest: `sha256:${'55'.repeat(32)}` }, layers });
        response.writeHead(200, { 'content-type': 'application/vnd.oci.image.manifest.v1+json' }).end(body);
      });
      const { result, reason } = await trial.judge(trial.policy(byKey()), image.reference);
      assert.deepEqual([result, reason], ['Failed', layers.length === 0 ? 'NoSignature' : 'SignatureInvalid']);
    }
  });

  const SLSA = 'https://slsa.dev/provenance/v1';
  const demands = (cel?: string): Record<string, unknown> => byKey({ attestations: [{ name: 'built', predicateType: 'slsaprovenance1', ...(cel === undefined ? {} : { policy: { cel } }) }] });

  test('of attestations that are demanded, none, others, and those of somebody else do not satisfy', async () => {
    const stranger = trial.world.key();
    const cases: Record<string, [Parameters<typeof trial.world.signImage>[1], object] | undefined> = {
      'nothing': undefined,
      'a signature': [owner, { format: 'bundle' }],
      'another type': [owner, { predicateType: 'https://cyclonedx.org/bom', predicate: { builder: 'ci' } }],
      'another key': [stranger, { predicateType: SLSA, predicate: { builder: 'ci' } }],
      'another image': [owner, { predicateType: SLSA, predicate: { builder: 'ci' }, payload: (text: string) => text.replace(/[0-9a-f]{64}/, '9'.repeat(64)) }],
    };
    for (const [what, how] of Object.entries(cases)) {
      const image = await trial.push();
      if (how !== undefined) await trial.world.signImage(image, ...how);
      for (const policy of [demands(), demands("predicate.builder == 'ci'")]) {
        const { result, reason } = await trial.judge(trial.policy(policy), image.reference);
        assert.deepEqual([result, reason], ['Failed', 'AttestationMissing'], what);
      }
    }
  });

  test('of what is demanded, the signed type counts, and not the one that the registry tells beside it', async () => {
    const image = await trial.push();
    const { digest, host, repository } = image;
    const stated = trial.world.bundle(owner, { digest, repository: `${host}/${repository}` }, { predicateType: 'https://cyclonedx.org/bom', predicate: { builder: 'ci' } });
    await pushBundle(image, stated, { at: Date.now(), predicateType: SLSA });
    for (const policy of [demands(), demands("predicate.builder == 'ci'")]) {
      assert.equal((await trial.judge(trial.policy(policy), image.reference)).reason, 'AttestationMissing');
    }
    // Nor does it become a signature by being told to be one.
    await pushBundle(image, stated, { at: Date.now(), predicateType: 'https://sigstore.dev/cosign/sign/v1' });
    assert.equal((await trial.judge(trial.policy(byKey()), image.reference)).reason, 'NoSignature');
  });

  test('of a demand on what is stated, only true satisfies', async () => {
    const image = await trial.push();
    await trial.world.signImage(image, owner, { predicateType: SLSA, predicate: { builder: 'ci', ok: 'true', count: 1, list: [true] } });
    const says: Record<string, string> = {};
    for (const cel of ["predicate.builder == 'ci'", "predicate.builder == 'other'", 'predicate.missing', 'predicate.missing == true', 'predicate.ok', 'predicate.count', 'predicate.list', 'predicate', '1 / 0 == 1', 'subject[9].name == ""', "predicate.builder.matches('c')"]) {
      says[cel] = (await trial.judge(trial.policy(demands(cel)), image.reference)).reason;
    }
    const passed = Object.entries(says).filter(([, reason]) => reason === 'SignatureValid').map(([cel]) => cel);
    assert.deepEqual(passed, ["predicate.builder == 'ci'", "predicate.builder.matches('c')"]);
    assert.ok(Object.values(says).every((reason) => reason === 'SignatureValid' || reason === 'AttestationRejected'), JSON.stringify(says));
  });
});
