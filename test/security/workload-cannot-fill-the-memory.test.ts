import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KINDS, projectWorkload, type WorkloadObject } from '../../src/controllers/workload-object.ts';
import { gather } from '../../src/controllers/gather.ts';
import { planWorkload } from '../../src/controllers/workload-plan.ts';
import { Ledger } from '../../src/controllers/ledger.ts';
import { PolicySet } from '../../src/controllers/policy-set.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { D1, inForce, NOW } from '../unit/controllers/builders.ts';
import { context, StandInEngine } from '../unit/controllers/stand-ins.ts';

/*
 * Whoever may create a Deployment writes up to a MiB and a half of it, and the API server bounds neither the number of containers nor the length of an image.
 * What the operator keeps of it is a small part at most, and no image is overlooked for that.
 */

const MIB = 1024 * 1024;

function project(podSpec: object, metadata: object = {}): WorkloadObject {
  const kind = KINDS.get('Deployment');
  assert.ok(kind);
  const found = projectWorkload(kind, { metadata: { namespace: 'web', name: 'api', uid: 'u1', resourceVersion: '7', ...metadata }, spec: { template: { spec: podSpec } } } as never);
  assert.ok(found);
  return found;
}

const containers = (count: number, image = (index: number): string => `ghcr.io/acme/app-${index}:1`): object[] => Array.from({ length: count }, (_, index) => ({ name: `c${index}`, image: image(index) }));
const many = (count: number): Record<string, string> => Object.fromEntries(Array.from({ length: count }, (_, index) => [`key-${index}`, 'v'.repeat(63)]));

const LARGE: Readonly<Record<string, WorkloadObject>> = {
  'an image of a MiB': project({ containers: containers(1, () => `ghcr.io/acme/${'a'.repeat(MIB)}`) }),
  'eight thousand containers': project({ containers: containers(8000) }),
  'eight thousand images of each kind': project({ containers: containers(2000), initContainers: containers(2000), ephemeralContainers: containers(2000), volumes: Array.from({ length: 2000 }, (_, index) => ({ name: `v${index}`, image: { reference: 'a/b' } })) }),
  'a MiB of labels': project({ containers: containers(1) }, { labels: many(12_000) }),
  'a MiB of pull secrets': project({ containers: containers(1), imagePullSecrets: Array.from({ length: 20_000 }, (_, index) => ({ name: `secret-${index}-${'s'.repeat(40)}` })) }),
  'an annotation of ours of 250 KiB': project({ containers: containers(1) }, { annotations: { 'assay.dev/tags': `{"a":"${'b'.repeat(250 * 1024)}"}` } }),
};

describe('of a workload with', () => {
  for (const [what, workload] of Object.entries(LARGE)) {
    test(`${what} little is kept`, () => assert.ok(JSON.stringify(workload).length < 96 * 1024, String(JSON.stringify(workload).length)));
  }
});

test('an image that was cut is none', () => assert.equal(LARGE['an image of a MiB']?.images[0]?.image.length, 1025));

/** What is found out about a workload whose images all verify, and what is done. */
async function judged(workload: WorkloadObject): Promise<ReturnType<typeof planWorkload>> {
  const engine = new StandInEngine();
  const policies = new PolicySet();
  policies.put(inForce());
  const dependencies = { policies, engine, ledger: new Ledger(), clock: new ManualClock(NOW), registry: { resolveTag: () => Promise.resolve(D1) }, uncompiled: () => [], namespaceLabels: () => ({}), keychain: () => Promise.resolve(anonymousKeychain) };
  return planWorkload(await gather(dependencies, workload, context()), { attempts: 0 });
}

test('with as many images as are looked at, all that verify are pinned', async () => {
  const { record, pin } = await judged(project({ containers: containers(256) }));
  assert.deepEqual([record.state, pin?.pins.length], ['verified', 256]);
});

test('with one more, nothing is pinned and nothing is called verified, and it says why', async () => {
  const { record, pin } = await judged(project({ containers: containers(257) }));
  assert.deepEqual([record.state, pin], ['unknown', undefined]);
  assert.match(record.images.at(-1)?.verdicts[0]?.message ?? '', /^it has 1 images more than the 256 of a workload that are looked at; make several workloads of it$/);
});

test('too many labels are chosen by every policy that chooses by labels: none is passed by because one of them was not kept', () => {
  const workloads = { selector: { matchLabels: { team: 'a' } } };
  const { policy: scope } = inForce({ workloads });
  const chosen = (labels: Record<string, string>): boolean => scope.governsWorkload({ ...project({ containers: containers(1) }, { labels }), namespaceLabels: {} });
  assert.deepEqual([chosen({ team: 'a' }), chosen({ team: 'b' }), chosen({}), chosen({ ...many(300), team: 'b' })], [true, false, false, true]);
});
