import assert from 'node:assert/strict';
import test from 'node:test';
import { parseImageReference } from '../../../src/api/image-reference.ts';
import type { RegistryErrorCode } from '../../../src/registry/types.ts';
import { RegistryError } from '../../../src/registry/types.ts';
import type { Proof } from '../../../src/signatures/types.ts';
import { SignatureError } from '../../../src/signatures/types.ts';
import type { EngineDependencies } from '../../../src/verification/engine.ts';
import { createEngine } from '../../../src/verification/engine.ts';
import type { ImageVerdict, JudgingPolicy, VerificationEngine, VerificationRequest } from '../../../src/verification/types.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import * as make from './builders.ts';
import { ANONYMOUS, MemoryRegistry } from './memory-registry.ts';

const TAGGED = make.IMAGE;
const PINNED = parseImageReference(`registry.example/acme/web@${make.DIGEST}`);
const CI = make.policy([make.keyless('ci')]);
const DAY = 24 * make.HOUR;

interface Bench {
  readonly engine: VerificationEngine;
  readonly registry: MemoryRegistry;
  readonly clock: ManualClock;
  readonly proofs: string[];
  readonly told: string[];
  /** What a signature with this payload proves; a payload that is not here proves nothing. */
  readonly proves: Map<string, Proof>;
  readonly verify: (difference?: Partial<VerificationRequest>) => Promise<ImageVerdict>;
  readonly sign: (...payloads: readonly string[]) => void;
}

/** An engine over a registry whose image `:1.4` is {@link make.DIGEST}, where the payload `good` proves what {@link CI} wants. */
function bench(more: Partial<EngineDependencies> = {}): Bench {
  const registry = new MemoryRegistry();
  const clock = new ManualClock(make.NOW);
  const proofs: string[] = [];
  const told: string[] = [];
  const proves = new Map([['good', make.proof()]]);
  const engine = createEngine({
    registry,
    clock,
    random: () => 0.5,
    hooks: { onVerification: ({ result, reason }) => told.push(`${result} ${reason}`) },
    prove: (candidate) => {
      const payload = Buffer.from(candidate.format === 'legacy' ? candidate.payload : candidate.format === 'bundle' ? candidate.bytes : candidate.envelope).toString();
      proofs.push(payload);
      const proof = proves.get(payload);
      if (proof === undefined) throw new SignatureError('SignatureInvalid', 'it proves nothing');
      return proof;
    },
    ...more,
  });
  registry.put('the image', '1.4');
  return {
    engine,
    registry,
    clock,
    proofs,
    told,
    proves,
    verify: (difference = {}) => engine.verify({ image: TAGGED, policies: [CI], keychain: ANONYMOUS, ...difference }),
    sign: (...payloads) => registry.sign(make.DIGEST, ...payloads.map((payload) => ({ payload, annotations: { 'dev.cosignproject.cosign/signature': 'x' } }))),
  };
}

function outcome(verdict: ImageVerdict): string {
  return verdict.policies.map(({ result, reason, stale }) => `${result} ${reason}${stale === true ? ' stale' : ''}`).join(', ');
}

test('a tag is resolved once, that digest is verified, that digest is returned', async () => {
  const { verify, sign, registry } = bench();
  sign('good');
  const verdict = await verify();
  assert.equal(outcome(verdict), 'Verified SignatureValid');
  assert.equal(verdict.digest, make.DIGEST);
  assert.deepEqual(registry.calls.toSorted(), ['blob', 'head 1.4', 'manifest sha256-….sig', 'referrers']);
});

test('a tag that moves between two looks never gives the verdict of the one for the other', async () => {
  const { verify, sign, registry } = bench();
  sign('good');
  const first = await verify();
  registry.put('another image', '1.4');
  const second = await verify();
  assert.equal(outcome(first), 'Verified SignatureValid');
  assert.equal(outcome(second), 'Failed NoSignature');
  assert.notEqual(first.digest, second.digest);
});

test('a digest is not resolved, and its tag is not looked at', async () => {
  const { verify, sign, registry } = bench();
  sign('good');
  const image = parseImageReference(`registry.example/acme/web:other@${make.DIGEST}`);
  assert.equal((await verify({ image })).digest, make.DIGEST);
  assert.ok(registry.calls.every((call) => !call.startsWith('head')));
});

test('warm by digest costs no request, warm by tag one HEAD, and no proof', async () => {
  const { verify, sign, registry, proofs } = bench();
  sign('good');
  await verify();
  registry.calls.length = 0;
  proofs.length = 0;
  await verify({ image: PINNED });
  assert.deepEqual(registry.calls, []);
  await verify();
  assert.deepEqual(registry.calls, ['head 1.4']);
  assert.deepEqual(proofs, []);
});

test('a thousand looks at one new digest are one verification', async () => {
  const { verify, sign, registry, proofs } = bench();
  sign('good');
  const verdicts = await Promise.all(Array.from({ length: 1000 }, () => verify()));
  assert.ok(verdicts.every((verdict) => outcome(verdict) === 'Verified SignatureValid'));
  assert.equal(registry.calls.length, 4);
  assert.deepEqual(proofs, ['good']);
});

test('each authority is judged on what is where it looks, and a source that fails is an outage', async () => {
  const { verify, sign, registry, proves } = bench();
  sign('good');
  const source = { host: 'sigs.example', path: 'store', tagPrefix: 'prod-', pullSecrets: [] };
  const elsewhere = make.policy([make.keyless('ci', { sources: [source], hash: 'elsewhere' })]);
  assert.equal(outcome(await verify({ policies: [CI, elsewhere] })), 'Verified SignatureValid, Failed NoSignature');
  proves.set('kept', make.proof());
  registry.put({ layers: [{ ...registry.blobOf('kept'), annotations: { 'dev.cosignproject.cosign/signature': 'x' } }] }, `prod-${make.DIGEST.replace(':', '-')}.sig`);
  assert.equal(outcome(await verify({ policies: [{ ...elsewhere, freshSince: make.NOW }] })), 'Failed NoSignature', 'still the answer of before');
  const other = make.policy([make.keyless('ci', { sources: [{ ...source, path: 'other' }], hash: 'other' })]);
  registry.before = (call) => {
    if (call.startsWith('manifest prod-')) throw new RegistryError('Unavailable', 'the store does not answer');
  };
  assert.equal(outcome(await verify({ policies: [other] })), 'Unknown RegistryUnavailable');
  registry.before = () => undefined;
  assert.equal(outcome(await verify({ policies: [other] })), 'Verified SignatureValid');
});

test('an attestation that satisfies its expression verifies, and is asked for once', async () => {
  const { verify, registry, proves, proofs } = bench();
  const envelope = JSON.stringify({ payloadType: 'application/vnd.in-toto+json', payload: Buffer.from('{"predicate":{"ok":true}}').toString('base64'), signatures: [{ sig: 'AAAA' }] });
  proves.set(envelope, make.proof({ type: 'https://example.com/x' }));
  registry.put({ layers: [{ ...registry.blobOf(envelope), annotations: { 'dev.cosignproject.cosign/signature': '' } }] }, `${make.DIGEST.replace(':', '-')}.att`);
  const wanting = (cel: string): ReturnType<typeof make.policy> =>
    make.policy([make.keyless('ci', { hash: cel, attestations: [{ name: 'a', predicateType: 'https://example.com/x', match: 'Any', cel }] })]);
  const policies = [wanting('predicate.ok'), wanting('!predicate.ok'), wanting('predicate.other')];
  assert.equal(outcome(await verify({ policies })), 'Verified SignatureValid, Failed AttestationRejected, Failed AttestationRejected');
  registry.calls.length = 0;
  proofs.length = 0;
  assert.equal(outcome(await verify({ policies })), 'Verified SignatureValid, Failed AttestationRejected, Failed AttestationRejected');
  assert.deepEqual([registry.calls, proofs], [['head 1.4'], []]);
});

const OUTAGES: Readonly<Record<string, readonly [RegistryErrorCode, string]>> = {
  'a registry that is down': ['Unavailable', 'Unknown RegistryUnavailable'],
  'a registry that throttles': ['Throttled', 'Unknown RegistryThrottled'],
  'a registry that does not let us in': ['Unauthorized', 'Unknown RegistryUnauthorized'],
  'a host where requests may not go': ['Forbidden', 'Unknown RegistryUnauthorized'],
  'an answer that cannot be read': ['ManifestInvalid', 'Unknown ManifestInvalid'],
  'an answer that is not what its digest says': ['DigestMismatch', 'Unknown DigestMismatch'],
  'a tag that is not there (the upstream’s own answer)': ['NotFound', 'Failed TagNotFound'],
  'an answer above the limits': ['LimitExceeded', 'Failed LimitExceeded'],
};
for (const [what, [code, expected]] of Object.entries(OUTAGES)) {
  test(`${what} is told as what it is when the tag is resolved: ${expected}`, async () => {
    const { verify, registry } = bench();
    registry.before = () => {
      throw new RegistryError(code, `the registry said ${code}`);
    };
    const verdict = await verify();
    assert.equal(outcome(verdict), expected);
    assert.equal(verdict.digest, undefined);
    assert.match(verdict.policies[0]?.message ?? '', new RegExp(`^the registry said ${code}`));
  });
}

test('a registry that is down while signatures are looked for is Unknown, with the digest and the wait it asked for', async () => {
  const { verify, registry } = bench();
  registry.before = (call) => {
    if (call === 'referrers') throw new RegistryError('Throttled', 'slow down', { retryAfter: 7000 });
  };
  const verdict = await verify();
  assert.equal(outcome(verdict), 'Unknown RegistryThrottled');
  assert.deepEqual([verdict.digest, verdict.retryAfter], [make.DIGEST, 7000]);
});

test('an outage is never remembered: the next look asks again and verifies', async () => {
  const { verify, sign, registry } = bench();
  sign('good');
  registry.before = (call) => {
    if (call !== 'head 1.4') throw new RegistryError('Unavailable', 'down');
  };
  assert.equal(outcome(await verify()), 'Unknown RegistryUnavailable');
  registry.before = () => undefined;
  assert.equal(outcome(await verify()), 'Verified SignatureValid');
});

test('a refusal stands for a short while and is then judged on new evidence', async () => {
  const { verify, sign, registry, clock } = bench();
  assert.equal(outcome(await verify({ image: PINNED })), 'Failed NoSignature');
  sign('good');
  registry.calls.length = 0;
  assert.equal(outcome(await verify({ image: PINNED })), 'Failed NoSignature');
  assert.deepEqual(registry.calls, []);
  clock.advance(60_000);
  assert.equal(outcome(await verify({ image: PINNED })), 'Verified SignatureValid');
});

test('a positive verdict stands for the re-check interval; a shorter interval counts at once', async () => {
  const { verify, sign, registry, clock } = bench();
  sign('good');
  await verify({ image: PINNED });
  clock.advance(DAY - 1);
  registry.calls.length = 0;
  await verify({ image: PINNED });
  assert.deepEqual(registry.calls, []);
  await verify({ image: PINNED, policies: [{ ...CI, recheckInterval: make.HOUR }] });
  assert.equal(registry.calls.length, 3);
});

test('an outage is not a verdict: what was verified stays verified while asking again fails, and for no longer than it may', async () => {
  const { verify, sign, registry, clock, told } = bench();
  sign('good');
  const first = await verify({ image: PINNED });
  clock.advance(DAY + 1);
  registry.before = () => {
    throw new RegistryError('Unavailable', 'down');
  };
  const during = await verify({ image: PINNED });
  assert.equal(outcome(during), 'Verified SignatureValid stale');
  assert.equal(during.policies[0]?.verifiedAt, first.policies[0]?.verifiedAt);
  clock.advance(7 * DAY);
  assert.equal(outcome(await verify({ image: PINNED })), 'Unknown RegistryUnavailable');
  assert.deepEqual(told, ['Verified SignatureValid', 'Unknown RegistryUnavailable']);
});

test('a verdict under other policy material does not stand in during an outage', async () => {
  const { verify, sign, registry, clock } = bench();
  sign('good');
  await verify({ image: PINNED });
  clock.advance(2 * DAY);
  registry.before = () => {
    throw new RegistryError('Unavailable', 'down');
  };
  const changed = make.policy([make.keyless('ci', { hash: make.OTHER_DIGEST })]);
  assert.equal(outcome(await verify({ image: PINNED, policies: [changed] })), 'Unknown RegistryUnavailable');
  assert.equal(outcome(await verify({ image: PINNED, policies: [make.policy([make.keyless('renamed')])] })), 'Unknown RegistryUnavailable');
});

test('nor does the verdict of another repository, or one that other credentials got', async () => {
  const { verify, sign, registry } = bench();
  sign('good');
  await verify({ image: PINNED });
  registry.before = () => {
    throw new RegistryError('Unavailable', 'down');
  };
  const elsewhere = parseImageReference(`registry.example/evil/web@${make.DIGEST}`);
  assert.equal(outcome(await verify({ image: elsewhere })), 'Unknown RegistryUnavailable');
  assert.equal(outcome(await verify({ image: PINNED, keychain: { ...ANONYMOUS, scope: 'tenant' } })), 'Unknown RegistryUnavailable');
});

test('a signature that is gone at a re-check fails, also when an outage follows', async () => {
  const { verify, sign, registry, clock } = bench();
  sign('good');
  await verify({ image: PINNED });
  registry.untag(`${make.DIGEST.replace(':', '-')}.sig`);
  clock.advance(DAY);
  assert.equal(outcome(await verify({ image: PINNED })), 'Failed NoSignature');
  clock.advance(DAY);
  registry.before = () => {
    throw new RegistryError('Unavailable', 'down');
  };
  assert.equal(outcome(await verify({ image: PINNED })), 'Unknown RegistryUnavailable');
});

test('a re-check sooner than evidence ages looks again, and so does one that somebody asks for', async () => {
  const { verify, sign, registry, clock } = bench();
  const often: JudgingPolicy = { ...CI, recheckInterval: 10 * 60_000 };
  sign('good');
  assert.equal(outcome(await verify({ image: PINNED, policies: [often] })), 'Verified SignatureValid');
  registry.untag(`${make.DIGEST.replace(':', '-')}.sig`);
  clock.advance(10 * 60_000);
  assert.equal(outcome(await verify({ image: PINNED, policies: [often] })), 'Failed NoSignature');
  sign('good');
  assert.equal(outcome(await verify({ image: PINNED, policies: [often] })), 'Failed NoSignature');
  clock.advance(1000);
  assert.equal(outcome(await verify({ image: PINNED, policies: [{ ...often, freshSince: clock.now() }] })), 'Verified SignatureValid');
});

test('maxAge ends a kept verdict, in an outage too', async () => {
  const { verify, sign, registry, clock } = bench();
  sign('good');
  const policies = [make.policy([make.keyless('ci', { maxAge: 2 * make.HOUR })])];
  assert.equal(outcome(await verify({ image: PINNED, policies })), 'Verified SignatureValid');
  clock.advance(make.HOUR + 1);
  assert.equal(outcome(await verify({ image: PINNED, policies })), 'Failed SignatureTooOld');
  registry.before = () => {
    throw new RegistryError('Unavailable', 'down');
  };
  clock.advance(make.HOUR);
  assert.equal(outcome(await verify({ image: PINNED, policies })), 'Unknown RegistryUnavailable');
});

test('a changed policy is judged at once on the evidence at hand, and a refusal on new evidence', async () => {
  const { verify, sign, registry, clock, proves } = bench();
  sign('good');
  await verify({ image: PINNED });
  clock.advance(10 * 60_000);
  registry.calls.length = 0;
  const renamed = make.policy([make.keyless('renamed', { hash: make.OTHER_DIGEST })]);
  assert.equal(outcome(await verify({ image: PINNED, policies: [renamed] })), 'Verified SignatureValid');
  assert.equal(registry.calls.length, 0);
  const other = { issuer: { exact: make.ISSUER }, subject: { exact: 'other@example.test' }, claims: {} };
  sign('good', 'second');
  proves.set('second', make.bySubject('other@example.test'));
  const wants = make.policy([make.keyless('other', { identities: [other] })]);
  assert.equal(outcome(await verify({ image: PINNED, policies: [wants] })), 'Verified SignatureValid');
  assert.ok(registry.calls.includes('manifest sha256-….sig'));
});

test('every policy has its own verdict, and evidence is fetched once for all of them', async () => {
  const { verify, sign, registry } = bench();
  sign('good');
  const policies: JudgingPolicy[] = [CI, make.policy([make.keyed('release', ['a'])], { key: { kind: 'ImageVerification', namespace: 'web', name: 'q' } })];
  const verdict = await verify({ policies });
  assert.deepEqual(verdict.policies.map(({ policy, result }) => [policy.name, result]), [
    ['p', 'Verified'],
    ['q', 'Failed'],
  ]);
  assert.equal(registry.calls.filter((call) => call === 'referrers').length, 1);
});

test('a static policy asks no registry, and keeps its answer while the registry is down', async () => {
  const { verify, registry } = bench();
  const fixed = make.policy([make.fixed('vendor', 'pass', 'checked elsewhere')]);
  assert.equal(outcome(await verify({ policies: [fixed] })), 'Static StaticPass');
  assert.deepEqual(registry.calls, []);
  registry.before = () => {
    throw new RegistryError('Unavailable', 'down');
  };
  assert.equal(outcome(await verify({ policies: [fixed, CI] })), 'Static StaticPass, Unknown RegistryUnavailable');
});

test('whatever proving throws, the signature proves nothing', async () => {
  const { verify, sign } = bench({
    prove: () => {
      throw new TypeError("Cannot read properties of undefined (reading 'envelope')");
    },
  });
  sign('good');
  assert.equal(outcome(await verify()), 'Failed SignatureInvalid');
});

test('a pattern that does not compile makes the policy invalid and refuses nobody', async () => {
  const { verify, sign } = bench();
  sign('good');
  const identities = [{ issuer: { exact: make.ISSUER }, subject: { pattern: '(' }, claims: {} }];
  assert.equal(outcome(await verify({ policies: [make.policy([make.keyless('ci', { identities })])] })), 'Unknown PolicyInvalid');
});

test('proving ends when its time is used up, says so, and goes on where it was at the next look', async () => {
  const clock = new ManualClock(make.NOW);
  const payloads = Array.from({ length: 5 }, (_, index) => `s${index}`);
  let proofs = 0;
  const { verify, sign } = bench({
    clock,
    prove: () => {
      proofs += 1;
      clock.advance(1000);
      throw new SignatureError('SignatureInvalid', 'slow and wrong');
    },
  });
  sign(...payloads);
  assert.equal(outcome(await verify({ image: PINNED })), 'Unknown LimitExceeded');
  assert.equal(proofs, 2);
  assert.equal(outcome(await verify({ image: PINNED })), 'Unknown LimitExceeded');
  assert.equal(outcome(await verify({ image: PINNED })), 'Failed SignatureInvalid');
  assert.equal(proofs, 5);
});

test('a caller that leaves gets its own reason, and a tag that hangs ends at the deadline as an outage', async () => {
  const { verify, registry, clock } = bench();
  registry.before = (_, { signal }) => new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)));
  const leaving = new AbortController();
  const left = verify({ signal: leaving.signal });
  const stays = verify({ signal: new AbortController().signal });
  await new Promise(setImmediate);
  leaving.abort(new Error('left'));
  await assert.rejects(left, /left/);
  clock.advance(8000);
  const verdict = await stays;
  assert.equal(outcome(verdict), 'Unknown RegistryUnavailable');
  assert.match(verdict.policies[0]?.message ?? '', /did not finish within 8 s/);
  assert.equal(clock.timers, 0);
});
