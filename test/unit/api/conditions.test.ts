import assert from 'node:assert/strict';
import test from 'node:test';
import { formatTime, parseTime, removeCondition, setCondition, type ConditionStatement } from '../../../src/api/conditions.ts';

const READY: ConditionStatement = { type: 'Ready', status: 'True', reason: 'Compiled', message: 'in force', observedGeneration: 1 };
const T0 = Date.parse('2026-01-01T00:00:00Z');
const T1 = T0 + 60_000;

test('a new condition is added with the time of now', () => {
  assert.deepEqual(setCondition([], READY, T0), [{ ...READY, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
});

test('the time changes with the status', () => {
  const before = setCondition([], READY, T0);
  const after = setCondition(before, { ...READY, status: 'False', reason: 'PolicyInvalid' }, T1);
  assert.equal(after[0]?.lastTransitionTime, '2026-01-01T00:01:00Z');
});

test('the time does not change with reason, message or generation', () => {
  const before = setCondition([], READY, T0);
  const after = setCondition(before, { ...READY, reason: 'Suspended', message: 'else', observedGeneration: 2 }, T1);
  assert.deepEqual(after, [{ ...READY, reason: 'Suspended', message: 'else', observedGeneration: 2, lastTransitionTime: '2026-01-01T00:00:00Z' }]);
});

test('where nothing changed the same array is returned', () => {
  const before = setCondition([], READY, T0);
  assert.equal(setCondition(before, { ...READY }, T1), before);
  const long = setCondition([], { ...READY, message: 'x'.repeat(5000) }, T0);
  assert.equal(setCondition(long, { ...READY, message: 'x'.repeat(5000) }, T1), long);
});

test('other conditions stay as they are and where they are', () => {
  const before = setCondition(setCondition([], READY, T0), { ...READY, type: 'Verified' }, T0);
  const after = setCondition(before, { ...READY, status: 'False' }, T1);
  assert.deepEqual(after.map(({ type, status }) => `${type}=${status}`), ['Ready=False', 'Verified=True']);
  assert.equal(after[1], before[1]);
});

test('a message is cut at 1024 characters', () => {
  assert.equal(setCondition([], { ...READY, message: 'x'.repeat(5000) }, T0)[0]?.message.length, 1024);
});

test('a condition can be removed; where there is none the same array is returned', () => {
  const before = setCondition([], READY, T0);
  assert.deepEqual(removeCondition(before, 'Ready'), []);
  assert.equal(removeCondition(before, 'Held'), before);
});

test('times are written as Kubernetes writes them and read strictly', () => {
  assert.equal(formatTime(T0 + 999), '2026-01-01T00:00:00Z');
  assert.equal(parseTime('2026-01-01T01:00:00+01:00'), T0);
  assert.equal(parseTime('2026-01-01T00:00:00.5Z'), T0 + 500);
  for (const bad of ['', '2026-01-01', '2026-01-01 00:00:00Z', '2026-01-01T00:00:00', '2026-02-30T00:00:00Z', '2026-01-01T25:00:00Z', 'now']) {
    assert.equal(parseTime(bad), undefined, bad);
  }
});
