import assert from 'node:assert/strict';
import test from 'node:test';
import { type ActingPolicy, combinePolicies, type PinDecision } from '../../../../src/verification/policy/combine.ts';
import type { CompiledPolicy } from '../../../../src/verification/policy/compiled-policy.ts';
import { policy, staticAuthority } from '../../../support/builders.ts';
import { compiled } from '../../../support/compile.ts';

const BASE = compiled(policy());
const STATIC = compiled(policy({ authorities: [staticAuthority()] }));

type Change = Partial<Pick<CompiledPolicy, 'enforcement' | 'gate' | 'suspend'>> & { pin?: Partial<CompiledPolicy['pin']>; name?: string; cluster?: boolean; static?: boolean };

function acting({ pin, name = 'a', cluster = false, static: isStatic = false, ...change }: Change = {}): ActingPolicy {
  const key = cluster ? ({ kind: 'ClusterImageVerification', name } as const) : ({ kind: 'ImageVerification', namespace: 'web', name } as const);
  return { ...(isStatic ? STATIC : BASE), ...change, key, pin: { ...BASE.pin, ...pin } };
}

/** Only what the case is about. */
type Expected = Partial<PinDecision> & { conflictNames?: string[]; says?: RegExp };

const CASES: Record<string, [Change[], Expected]> = {
  'no policy pins nothing': [[], { pin: false, enforcement: 'Audit', says: /no policy/ }],
  'one policy pins as it says': [[{ pin: { form: 'TagAndDigest' } }], { pin: true, mode: 'Patch', form: 'TagAndDigest', follow: 'Never', enforcement: 'Enforce', gate: 'None' }],
  'Enforce is stricter than Warn': [[{ enforcement: 'Warn' }, { enforcement: 'Enforce' }], { enforcement: 'Enforce', pin: true }],
  'Warn is stricter than Audit': [[{ enforcement: 'Audit' }, { enforcement: 'Warn' }], { enforcement: 'Warn', pin: true }],
  'Warn pins': [[{ enforcement: 'Warn' }], { pin: true }],
  'Audit pins nothing': [[{ enforcement: 'Audit' }], { pin: false, reason: 'NotPinned', enforcement: 'Audit', says: /Audit/ }],
  'Audit has no say in the form': [[{ enforcement: 'Audit' }, { pin: { form: 'TagAndDigest' } }], { pin: true, form: 'TagAndDigest' }],
  'any Never means no pin': [[{}, { name: 'b', pin: { mode: 'Never' } }], { pin: false, reason: 'NotPinned', says: /ImageVerification web\/b is Never/ }],
  'Never of an Audit policy counts': [[{}, { enforcement: 'Audit', pin: { mode: 'Never' } }], { pin: false }],
  'Digest comes before TagAndDigest': [[{ pin: { form: 'TagAndDigest' } }, { pin: { form: 'Digest' } }], { pin: true, form: 'Digest' }],
  'all must follow': [[{ pin: { follow: 'IfVerified' } }, { name: 'b' }], { follow: 'Never' }],
  'where all follow, it is followed': [[{ pin: { follow: 'IfVerified' } }, { name: 'b', pin: { follow: 'IfVerified' } }], { follow: 'IfVerified' }],
  'Hold is stricter than None': [[{ gate: 'Hold' }, {}], { gate: 'Hold' }],
  'of two modes that of the cluster policy counts': [[{ name: 'a', pin: { mode: 'Admission' } }, { name: 'z', cluster: true }], { pin: true, mode: 'Patch', conflictNames: ['a'] }],
  'of two modes of cluster policies the first by name counts': [[{ name: 'z', cluster: true, pin: { mode: 'Work' } }, { name: 'a', cluster: true }], { pin: true, conflictNames: ['z'] }],
  'another mode than Patch leaves the stored workload alone': [[{ pin: { mode: 'Admission' } }], { pin: false, mode: 'Admission', says: /is Admission/ }],
  'the same mode twice is no conflict': [[{}, { name: 'b' }], { pin: true, conflictNames: [] }],
  'Audit causes no conflict': [[{}, { name: 'b', enforcement: 'Audit', pin: { mode: 'Work' } }], { pin: true, conflictNames: [] }],
  'a static answer permits no pin': [[{ static: true }], { pin: false, reason: 'StaticPass' }],
  'a static answer forbids none to others': [[{ static: true, pin: { mode: 'Admission' } }, { name: 'b' }], { pin: true, conflictNames: [] }],
  'a suspended policy says nothing': [[{ suspend: true, pin: { mode: 'Never' }, gate: 'Hold' }, { name: 'b', enforcement: 'Warn' }], { pin: true, enforcement: 'Warn', gate: 'None' }],
  'where all are suspended nothing is pinned': [[{ suspend: true }], { pin: false, says: /suspended/ }],
};

for (const [sentence, [changes, { conflictNames, says, ...expected }]] of Object.entries(CASES)) {
  test(sentence, () => {
    const policies = changes.map((change) => acting(change));
    const decision = combinePolicies(policies);
    assert.deepEqual(combinePolicies(policies.toReversed()), decision, 'the order of the policies decides');
    assert.deepEqual(Object.fromEntries(Object.entries(decision).filter(([name]) => name in expected)), expected);
    if (conflictNames !== undefined) assert.deepEqual(decision.conflicts.map(({ name }) => name), conflictNames);
    if (says !== undefined) assert.match(decision.pin ? '' : decision.message, says);
  });
}
