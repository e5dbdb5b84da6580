import assert from 'node:assert/strict';
import test from 'node:test';
import type { Digest } from '../../../../src/base/digest.ts';
import type { WorkloadSubject } from '../../../../src/verification/policy/compiled-policy.ts';
import { clusterPolicy, policy, type RawPolicy } from '../../../support/builders.ts';
import { compiled } from '../../../support/compile.ts';

const WORKLOAD: WorkloadSubject = { kind: 'Deployment', namespace: 'web', labels: { app: 'api' }, namespaceLabels: { env: 'prod' } };

const GOVERNED: Record<string, [RawPolicy, Partial<WorkloadSubject>, boolean]> = {
  'a namespaced policy governs its namespace': [policy(), {}, true],
  'a namespaced policy governs no other namespace': [policy(), { namespace: 'other' }, false],
  'a cluster policy governs every namespace': [clusterPolicy(), { namespace: 'other', namespaceLabels: {} }, true],
  'a namespace selector chooses': [clusterPolicy({ namespaceSelector: { matchLabels: { env: 'prod' } } }), {}, true],
  'a namespace selector leaves out': [clusterPolicy({ namespaceSelector: { matchLabels: { env: 'dev' } } }), {}, false],
  'no namespace selector leaves out what has no namespace': [clusterPolicy({ namespaceSelector: { matchLabels: { env: 'dev' } } }), { namespace: '', namespaceLabels: {} }, true],
  'a policy of a namespace does not govern what has none': [policy({}), { namespace: '', namespaceLabels: {} }, false],
  'a kind with its group chooses that one': [policy({ workloads: { kinds: ['StatefulSet.apps.kruise.io'] } }), { kind: 'StatefulSet.apps.kruise.io' }, true],
  'and not the one of Kubernetes of that name': [policy({ workloads: { kinds: ['StatefulSet.apps.kruise.io'] } }), { kind: 'StatefulSet' }, false],
  'kinds choose': [policy({ workloads: { kinds: ['Deployment'] } }), {}, true],
  'kinds leave out': [policy({ workloads: { kinds: ['CronJob'] } }), {}, false],
  'kinds choose what may be of any kind': [policy({ workloads: { kinds: ['CronJob'] } }), { kind: undefined }, true],
  'a selector chooses': [policy({ workloads: { selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['api'] }] } } }), {}, true],
  'a selector leaves out': [policy({ workloads: { selector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } } }), {}, false],
  'kinds and selector must both choose': [policy({ workloads: { kinds: ['Job'], selector: { matchLabels: { app: 'api' } } } }), {}, false],
};

for (const [sentence, [object, change, governed]] of Object.entries(GOVERNED)) {
  test(sentence, () => assert.equal(compiled(object).governsWorkload({ ...WORKLOAD, ...change }), governed));
}

test('any glob is enough to govern an image', () => {
  const { governsImage } = compiled(policy({ images: [{ glob: 'nginx' }, { glob: 'ghcr.io/acme/**' }] }));
  assert.ok(governsImage('docker.io/library/nginx'));
  assert.ok(governsImage('ghcr.io/acme/a/b'));
  assert.ok(!governsImage('ghcr.io/other/a'));
});

const DIGEST: Digest = `sha256:${'1'.repeat(64)}`;
const OTHER: Digest = `sha256:${'2'.repeat(64)}`;
const NAME = 'ghcr.io/acme/web';
const END = Date.parse('2026-06-01T00:00:00Z');
const excluding = (...entries: object[]): ReturnType<typeof compiled> => compiled(policy({ exclude: entries }));

test('an exclusion by repository excuses every digest, with its reason', () => {
  const { exclusion } = excluding({ glob: 'ghcr.io/acme/*', reason: 'old images' });
  assert.deepEqual(exclusion({ name: NAME }, END), { glob: 'ghcr.io/acme/*', reason: 'old images' });
  assert.equal(exclusion({ name: 'ghcr.io/other/web', digest: DIGEST }, END), undefined);
});

test('an exclusion by digest excuses that digest only, and only where it is known', () => {
  const { exclusion } = excluding({ glob: `${NAME}@${DIGEST}`, reason: 'hotfix' });
  assert.equal(exclusion({ name: NAME, digest: DIGEST }, 0)?.reason, 'hotfix');
  assert.equal(exclusion({ name: NAME, digest: OTHER }, 0), undefined);
  assert.equal(exclusion({ name: NAME }, 0), undefined);
  assert.equal(exclusion({ name: 'ghcr.io/acme/other', digest: DIGEST }, 0), undefined);
});

test('an exclusion ends at its time', () => {
  const { exclusion } = excluding({ glob: NAME, reason: 'x', until: '2026-06-01T00:00:00Z' });
  assert.equal(exclusion({ name: NAME }, END - 1)?.until, END);
  assert.equal(exclusion({ name: NAME }, END), undefined);
});

test('the next end is the earliest that is still to come', () => {
  const { nextExpiry } = excluding(
    { glob: 'a', reason: 'x', until: '2026-06-01T00:00:00Z' },
    { glob: 'b', reason: 'x', until: '2026-07-01T00:00:00Z' },
    { glob: 'c', reason: 'x' },
  );
  assert.equal(nextExpiry(0), END);
  assert.equal(nextExpiry(END), Date.parse('2026-07-01T00:00:00Z'));
  assert.equal(nextExpiry(Date.parse('2026-08-01T00:00:00Z')), undefined);
});
