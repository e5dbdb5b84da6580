import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RegistryError } from '../../../../src/registry/types.ts';
import { fromWire, holdShared, toWire } from '../../../../src/verification/worker/wire.ts';
import { candidate, evidence } from '../builders.ts';

const EVERY = [candidate('one', 'legacy'), candidate('two', 'bundle'), candidate('three', 'legacy-attestation')];

function bytesOf(one: object): Uint8Array {
  const bytes = Object.values(one).find((value): value is Uint8Array => value instanceof Uint8Array);
  assert.ok(bytes);
  return bytes;
}

test('evidence of every format arrives as it was sent, with what could not be looked up', () => {
  const sent = evidence(EVERY, { omitted: 3, failures: [new RegistryError('Throttled', 'too many requests', { retryAfter: 5 })], defects: [{ location: 'x', reason: 'LimitExceeded', message: 'm' }] });
  const arrived = fromWire(structuredClone(toWire(sent)));
  assert.deepEqual(arrived.candidates.map((one) => [one.format, one.location, Buffer.from(bytesOf(one)).toString()]), EVERY.map((one) => [one.format, one.location, Buffer.from(bytesOf(one)).toString()]));
  assert.deepEqual({ ...arrived, candidates: [], failures: [] }, { ...sent, candidates: [], failures: [] });
  const [failure] = arrived.failures;
  assert.ok(failure instanceof RegistryError);
  assert.deepEqual([failure.code, failure.message], ['Throttled', 'too many requests']);
});

test('held bytes are in memory that other threads see: sending them copies nothing', async () => {
  const held = await holdShared(EVERY);
  for (const [index, one] of held.entries()) {
    assert.ok(bytesOf(one).buffer instanceof SharedArrayBuffer);
    assert.deepEqual({ ...one, location: '' }, { ...EVERY[index], location: '', ...Object.fromEntries(Object.entries(one).filter(([, value]) => value instanceof Uint8Array)) });
    assert.deepEqual([...bytesOf(one)], [...bytesOf(EVERY[index] ?? {})]);
  }
  const [copy] = structuredClone(held);
  bytesOf(held[0] ?? {})[0] = 0x21;
  assert.equal(bytesOf(copy ?? {})[0], 0x21);
});

test('what several signatures have in common is held once, also when it is held again', async () => {
  const payload = Buffer.from('the same');
  const layers = ['1', '2'].map((name) => ({ format: 'legacy', location: name, payload, annotations: { name } }) as const);
  const held = await holdShared(layers);
  assert.equal(bytesOf(held[0] ?? {}), bytesOf(held[1] ?? {}));
  assert.equal(bytesOf((await holdShared(held))[0] ?? {}), bytesOf(held[0] ?? {}));
});

test('what arrived cannot be changed any more by whoever sees the shared memory', async () => {
  const [held] = await holdShared([candidate('good')]);
  assert.ok(held);
  const { candidates: [arrived] } = fromWire(toWire(evidence([held])));
  bytesOf(held).fill(0);
  assert.equal(Buffer.from(bytesOf(arrived ?? {})).toString(), 'good');
});
