import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Condition } from '../../../src/api/conditions.ts';
import { CONDITION_REASONS, REASONS } from '../../../src/api/reasons.ts';
import { Ledger, policyId, type WorkloadRecord } from '../../../src/controllers/ledger.ts';
import { isWorthWriting, type PolicyStatus, policyStatus, type StatusFacts } from '../../../src/controllers/policy-status.ts';
import { D1, failed, field, inForce, NOW, outcome, POLICY, record, refusedState, verdict } from './builders.ts';

interface Case extends Partial<Omit<StatusFacts, 'picture'>> {
  readonly records?: readonly WorkloadRecord[];
}

function statusOf({ records = [], ...facts }: Case): PolicyStatus {
  const ledger = new Ledger();
  for (const one of records) ledger.record(one);
  return policyStatus({ state: inForce(), pending: 0, conditions: [], now: NOW, picture: ledger.picture(policyId(POLICY)), ...facts });
}

function condition(status: PolicyStatus, type: string): Condition | undefined {
  return status.conditions.find((one) => one.type === type);
}

const pinned = record([outcome(`app@${D1}`)]);
const tagged = record([outcome('app')], { unpinned: { reason: 'NotPatchable', message: 'nobody may change it' } });
const bad = record([outcome('bad', { verdicts: [failed()] })], { name: 'bad' });
const away = record([outcome('away', { verdicts: [failed({ result: 'Unknown', reason: 'RegistryUnavailable', message: 'no answer' })] })], { name: 'away' });
const excused = record([outcome('old', { verdicts: [verdict({ result: 'Excluded', reason: 'Excluded' })] })], { name: 'old' });
const fixed = record([outcome('fix', { verdicts: [verdict({ result: 'Static', reason: 'StaticPass', message: 'checked elsewhere' })] })], { name: 'fix' });
const stale = record([outcome(`app@${D1}`, { verdicts: [verdict({ stale: true })] })]);
const MANY = [1, 2, 3, 4, 5].map((index) => record([outcome(`bad${index}`, { name: `docker.io/library/bad${index}`, verdicts: [failed()] })], { name: `bad${index}` }));
const suspended = inForce({ suspend: true });
const warned = inForce({ authorities: [{ name: 'ci', keyless: { identities: [{ issuer: 'https://issuer.example', subjectRegExp: 'acme' }] } }] });
const noted = { ...inForce(), notes: ['spec.authorities[0].key.secretRef: Secret release cannot be followed (forbidden), so its last known content counts'] };

const conditions: Record<string, Case & { type: string; is: [string, string, RegExp] | undefined }> = {
  'a policy that compiled is Ready': { type: 'Ready', is: ['True', 'Compiled', /^the policy is being applied$/] },
  'what is accepted but worth a warning is said in Ready': { state: warned, type: 'Ready', is: ['True', 'Compiled', /spec\.authorities\[0\]/] },
  'a reference that cannot be followed is said in Ready': { state: noted, type: 'Ready', is: ['True', 'Compiled', /cannot be followed/] },
  'a suspended policy is not Ready, and says how to go on': { state: suspended, type: 'Ready', is: ['False', 'Suspended', /spec\.suspend is true.*set it to false/] },
  'a refused policy names the field first': { state: refusedState(), type: 'Ready', is: ['False', 'PolicyInvalid', /^spec\.treshold: is not known/] },
  'a missing reference has its own reason': { state: refusedState('ReferenceMissing'), type: 'Ready', is: ['False', 'ReferenceMissing', /./] },

  'a policy without images is neither verified nor not': { type: 'Verified', is: ['Unknown', 'NoImages', /no workload has an image/] },
  'before the first judgement it does not claim that there are none': { pending: 3, type: 'Verified', is: ['Unknown', 'NoImages', /none was judged yet, 3 workloads to go/] },
  'all verified': { records: [pinned], type: 'Verified', is: ['True', 'AllVerified', /1 of 1 images verified, 0 excluded/] },
  'excluded beside verified is still all': { records: [pinned, excused], type: 'Verified', is: ['True', 'AllVerified', /1 of 2 images verified, 1 excluded/] },
  'one that failed makes it False and is named with what to do': { records: [pinned, bad], type: 'Verified', is: ['False', 'SomeFailed', /^1 of 2 images not verified: docker\.io\/library\/bad:latest: NoSignature: no signature; sign it$/] },
  'an outage alone leaves it Unknown': { records: [pinned, away], type: 'Verified', is: ['Unknown', 'SomeFailed', /RegistryUnavailable: no answer/] },
  'a failure beside an outage is False': { records: [bad, away], type: 'Verified', is: ['False', 'SomeFailed', /^2 of 2 images not verified: \S+bad:latest \(NoSignature\), \S+away:latest \(RegistryUnavailable\); status\.images says/] },
  'of many that failed three are named': { records: MANY, type: 'Verified', is: ['False', 'SomeFailed', /^5 of 5 images not verified: (?:\S+ \(NoSignature\),? ){3}and 2 more; status\.images says/] },
  'a static pass is not verified': { records: [fixed], type: 'Verified', is: ['False', 'SomeFailed', /StaticPass: checked elsewhere/] },
  'a refused policy repeats in Verified what is wrong with it': { state: refusedState('ReferenceMissing'), type: 'Verified', is: ['Unknown', 'ReferenceMissing', /^spec\.treshold: /] },
  'it does so too where images wait for it': { state: refusedState(), records: [away], type: 'Verified', is: ['Unknown', 'PolicyInvalid', /^spec\.treshold: /] },
  'a suspended policy says so in Verified': { state: suspended, type: 'Verified', is: ['Unknown', 'Suspended', /spec\.suspend is true/] },

  'nothing to pin is neither pinned nor not': { type: 'Pinned', is: ['Unknown', 'NoImages', /./] },
  'only excluded images are nothing to pin': { records: [excused], type: 'Pinned', is: ['Unknown', 'NoImages', /./] },
  'every workload by digest is Pinned': { records: [pinned], type: 'Pinned', is: ['True', 'AllVerified', /^all 1 workload run/] },
  'a workload of excluded images does not stand in the way': { records: [pinned, excused], type: 'Pinned', is: ['True', 'AllVerified', /./] },
  'one by tag is named with why': { records: [tagged], type: 'Pinned', is: ['False', 'NotPatchable', /1 of 1 workload not running a verified digest, first Deployment web\/api: nobody may change it/] },
  'reasons that differ become NotPinned': { records: [tagged, bad], type: 'Pinned', is: ['False', 'NotPinned', /2 of 2 workloads/] },
  'pin.mode Never is said': { state: inForce({ pin: { mode: 'Never' } }), records: [bad], type: 'Pinned', is: ['False', 'NotPinned', /spec\.pin\.mode is Never/] },
  'a refused policy repeats in Pinned what is wrong with it': { state: refusedState(), type: 'Pinned', is: ['Unknown', 'PolicyInvalid', /./] },
  'a suspended policy says so in Pinned': { state: suspended, type: 'Pinned', is: ['Unknown', 'Suspended', /./] },

  'that all templates verify is not all while nobody knows what clusters run': { blind: 'list works: 503', records: [pinned], type: 'Verified', is: ['Unknown', 'ClustersUnknown', /^what clusters run is not known \(list works: 503\); at the control plane: 1 of 1 images verified/] },
  'nor that all are pinned': { blind: 'list works: 503', records: [pinned], type: 'Pinned', is: ['Unknown', 'ClustersUnknown', /list works: 503.*all 1 workload run/] },
  'what failed has failed, whatever clusters run': { blind: 'list works: 503', records: [bad], type: 'Verified', is: ['False', 'SomeFailed', /NoSignature/] },
  'nothing enforces yet, and that is said': { type: 'Enforced', is: ['False', 'NoEnforcementPoint', /neither an admission webhook nor/] },
  'Audit enforces nothing by itself': { state: inForce({ enforcement: 'Audit' }), type: 'Enforced', is: ['False', 'NoEnforcementPoint', /Audit/] },
  'while workloads wait it is Reconciling': { records: [pinned], pending: 1, type: 'Reconciling', is: ['True', 'Compiled', /^1 workload still to be judged$/] },
  'when none waits it is not': { records: [pinned], type: 'Reconciling', is: undefined },
  'a policy that is not in force is Stalled': { state: refusedState(), type: 'Stalled', is: ['True', 'PolicyInvalid', /until it is corrected/] },
  'and not Reconciling as well (kstatus)': { state: refusedState(), pending: 5, type: 'Reconciling', is: undefined },
  'one in force is not Stalled': { type: 'Stalled', is: undefined },
  'verdicts that outlive their interval make it Stale': { records: [stale], type: 'Stale', is: ['True', 'RegistryUnavailable', /^1 image could not be asked for again/] },
  'fresh verdicts do not': { records: [pinned], type: 'Stale', is: undefined },
  'nothing is ever Held in this build': { records: [bad], type: 'Held', is: undefined },
};
for (const [sentence, { type, is, ...facts }] of Object.entries(conditions)) {
  test(sentence, () => {
    const found = condition(statusOf(facts), type);
    if (is === undefined) return assert.equal(found, undefined);
    assert.deepEqual([found?.status, found?.reason], is.slice(0, 2), found?.message);
    return assert.match(found?.message ?? '', is[2]);
  });
}

test('every condition has a documented reason, the generation that it is about, and a message within bounds', () => {
  const long = inForce({}, { generation: 7 });
  const records = [record([outcome(`${'x'.repeat(200)}/app`, { verdicts: [failed({ message: 'y'.repeat(512) })] })], { unpinned: { reason: 'PatchForbidden', message: 'z'.repeat(5000) } }), stale];
  const { conditions: found, observedGeneration } = statusOf({ state: { ...long, notes: ['n'.repeat(5000)] }, records, pending: 9 });
  const reasons: readonly string[] = [...REASONS, ...CONDITION_REASONS];
  assert.equal(observedGeneration, 7);
  for (const { type, reason, message, observedGeneration: of } of found) {
    assert.ok(reasons.includes(reason), `${type}: ${reason}`);
    assert.ok(message.length > 0 && message.length <= 1024, `${type}: ${message.length}`);
    assert.equal(of, 7, type);
  }
});

test('a condition keeps its time while its status stays, and only then', () => {
  const before = statusOf({ records: [bad], now: NOW - 60_000 }).conditions;
  const after = statusOf({ records: [bad, pinned], conditions: before }).conditions;
  const times = Object.fromEntries(after.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]));
  assert.equal(times['Verified'], '2026-11-22T11:59:00Z');
  const well = statusOf({ records: [pinned], conditions: before }).conditions;
  assert.equal(well.find(({ type }) => type === 'Verified')?.lastTransitionTime, '2026-11-22T12:00:00Z');
  assert.equal(well.find(({ type }) => type === 'Ready')?.lastTransitionTime, '2026-11-22T11:59:00Z');
});

test('which of many workloads is named does not depend on the order of judging', () => {
  const many = ['c', 'a', 'b'].map((name) => record([outcome('app')], { name }));
  assert.deepEqual(statusOf({ records: many }), statusOf({ records: many.toReversed() }));
});

test('a condition that somebody else wrote is not taken over', () => {
  const theirs: Condition = { type: 'Audited', status: 'True', reason: 'Done', message: 'by hand', lastTransitionTime: '2026-01-01T00:00:00Z' };
  assert.equal(condition(statusOf({ conditions: [theirs] }), 'Audited'), undefined);
});

const written = (facts: Case): PolicyStatus => statusOf({ records: [pinned, bad], ...facts });
const later = record([outcome('bad', { verdicts: [failed({ verifiedAt: NOW + 3_599_000 })] })], { name: 'bad' });
const muchLater = record([outcome('bad', { verdicts: [failed({ verifiedAt: NOW + 3_600_000 })] })], { name: 'bad' });
const foreign = { type: 'Audited', status: 'True', reason: 'Done', message: 'by hand', lastTransitionTime: '2026-01-01T00:00:00Z' } as const;
const writes: Record<string, { before: PolicyStatus | undefined; after: PolicyStatus; worth: boolean }> = {
  'the first status is written': { before: undefined, after: written({}), worth: true },
  'the same status is not': { before: written({}), after: written({}), worth: false },
  'the same images judged again with the same outcome are not': { before: written({}), after: written({ records: [pinned, later] }), worth: false },
  'an hour after what was told they are': { before: written({}), after: written({ records: [pinned, muchLater] }), worth: true },
  'another outcome is': { before: written({}), after: written({ records: [pinned] }), worth: true },
  'another message is': { before: written({}), after: written({ records: [pinned, record([outcome('bad', { verdicts: [failed({ message: 'other' })] })], { name: 'bad' })] }), worth: true },
  'another generation is': { before: written({}), after: written({ state: inForce({}, { generation: 2 }) }), worth: true },
  'a condition of somebody else is no reason to write': { before: { ...written({}), conditions: [foreign, ...written({}).conditions] }, after: written({}), worth: false },
  'a status that somebody emptied is': { before: { ...written({}), images: [] }, after: written({}), worth: true },
};
for (const [sentence, { before, after, worth }] of Object.entries(writes)) {
  test(sentence, () => assert.equal(isWorthWriting(before, after), worth));
}

test('a hundred thousand verdicts later a status is still small', () => {
  const images = Array.from({ length: 300 }, (_, at) => outcome(`app:${at}`, { field: field(`app:${at}`, at), verdicts: [failed({ message: 'm'.repeat(512) })] }));
  const records = Array.from({ length: 300 }, (_, at) => record(images, { name: `w${at}` }));
  assert.ok(JSON.stringify(statusOf({ records })).length < 120_000);
});
