import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pending } from '../../../src/controllers/pending.ts';

test('a policy waits for a workload until that is judged', () => {
  const pending = new Pending();
  pending.add('p', 'a');
  pending.add('p', 'b');
  pending.add('q', 'a');
  assert.deepEqual([pending.count('p'), pending.count('q')], [2, 1]);
  assert.deepEqual(pending.settle('a', pending.mark()), new Set(['p', 'q']));
  assert.deepEqual([pending.count('p'), pending.count('q')], [1, 0]);
  assert.deepEqual(pending.settle('a', pending.mark()), new Set());
});

test('a judgement that began before the policy changed does not count for it', () => {
  const pending = new Pending();
  pending.add('old', 'a');
  const mark = pending.mark();
  pending.add('new', 'a');
  assert.deepEqual(pending.settle('a', mark), new Set(['old']));
  assert.equal(pending.count('new'), 1);
  assert.deepEqual(pending.settle('a', pending.mark()), new Set(['new']));
});

test('a policy that changes again while a workload is judged goes on waiting for it', () => {
  const pending = new Pending();
  pending.add('p', 'a');
  const mark = pending.mark();
  pending.add('p', 'a');
  assert.deepEqual(pending.settle('a', mark), new Set());
  assert.equal(pending.count('p'), 1);
});

test('a workload that is gone is waited for no longer', () => {
  const pending = new Pending();
  pending.add('p', 'a');
  assert.deepEqual(pending.settle('a'), new Set(['p']));
  assert.equal(pending.count('p'), 0);
});

test('nothing waits for a policy that is gone', () => {
  const pending = new Pending();
  pending.add('p', 'a');
  pending.add('q', 'a');
  pending.look('p', 10);
  pending.drop('p');
  assert.deepEqual([pending.count('p'), pending.isLooking('p')], [0, false]);
  assert.deepEqual(pending.settle('a'), new Set(['q']));
});

test('until every workload was looked at, the number is not known', () => {
  const pending = new Pending();
  pending.look('p', 700);
  pending.add('p', 'a');
  assert.deepEqual([pending.isLooking('p'), pending.isLooking('q'), pending.count('p')], [true, false, 1]);
  pending.look('p', -500);
  assert.ok(pending.isLooking('p'));
  pending.look('p', -500);
  assert.ok(!pending.isLooking('p'));
});
