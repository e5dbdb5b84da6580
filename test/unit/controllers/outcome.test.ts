import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { WorkloadState } from '../../../src/api/reasons.ts';
import { blocks, type ImageOutcome, stateOf, summarize, verified } from '../../../src/controllers/outcome.ts';
import { D1, failed, OTHER, outcome, verdict } from './builders.ts';

const excluded = verdict({ policy: OTHER, result: 'Excluded', reason: 'Excluded' });
const staticPass = verdict({ policy: OTHER, result: 'Static', reason: 'StaticPass' });
const staticFail = verdict({ policy: OTHER, result: 'Static', reason: 'StaticFail' });
const unknown = verdict({ policy: OTHER, result: 'Unknown', reason: 'RegistryUnavailable' });

const summaries: Record<string, { of: ImageOutcome; reason: string | undefined; blocks: boolean; verified: boolean }> = {
  'an image that nobody governs neither blocks nor verifies': { of: outcome('app', { verdicts: [] }), reason: undefined, blocks: false, verified: false },
  'one policy that verifies is enough when it is the only one': { of: outcome('app'), reason: 'SignatureValid', blocks: false, verified: true },
  'every policy must pass: the failing one speaks': { of: outcome('app', { verdicts: [verdict(), failed({ policy: OTHER })] }), reason: 'NoSignature', blocks: true, verified: false },
  'a failure is worse than an outage': { of: outcome('app', { verdicts: [unknown, failed()] }), reason: 'NoSignature', blocks: true, verified: false },
  'an outage of one policy blocks though another verified': { of: outcome('app', { verdicts: [verdict(), unknown] }), reason: 'RegistryUnavailable', blocks: true, verified: false },
  'an exclusion of one policy does not weaken another': { of: outcome('app', { verdicts: [excluded, failed()] }), reason: 'NoSignature', blocks: true, verified: false },
  'an exclusion of one policy does not hinder another that verified': { of: outcome('app', { verdicts: [excluded, verdict()] }), reason: 'SignatureValid', blocks: false, verified: true },
  'excluded everywhere is never verified': { of: outcome('app', { verdicts: [excluded] }), reason: 'Excluded', blocks: false, verified: false },
  'a static pass is never verified': { of: outcome('app', { verdicts: [staticPass] }), reason: 'StaticPass', blocks: false, verified: false },
  'a static fail blocks': { of: outcome('app', { verdicts: [staticFail, verdict()] }), reason: 'StaticFail', blocks: true, verified: false },
};

for (const [sentence, expected] of Object.entries(summaries)) {
  test(sentence, () => {
    assert.equal(summarize(expected.of)?.reason, expected.reason);
    assert.equal(blocks(expected.of), expected.blocks);
    assert.equal(verified(expected.of), expected.verified);
  });
}

const states: Record<string, { images: ImageOutcome[]; contested?: boolean; state: WorkloadState }> = {
  'a workload without governed images is unmatched': { images: [outcome('app', { verdicts: [] })], state: 'unmatched' },
  'all verified and by digest is pinned': { images: [outcome(`app@${D1}`)], state: 'pinned' },
  'one verified image by tag makes it verified only': { images: [outcome(`app@${D1}`), outcome('app')], state: 'verified' },
  'one failing image makes it failed': { images: [outcome(`app@${D1}`), outcome('app', { verdicts: [failed()] })], state: 'failed' },
  'a static fail counts as failed': { images: [outcome('app', { verdicts: [staticFail] })], state: 'failed' },
  'an outage makes it unknown': { images: [outcome('app', { verdicts: [unknown] })], state: 'unknown' },
  'ungoverned images do not count': { images: [outcome(`app@${D1}`), outcome('side', { verdicts: [] })], state: 'pinned' },
  'only exclusions make it excluded': { images: [outcome('app', { verdicts: [excluded] })], state: 'excluded' },
  'an exclusion beside a pinned image leaves it pinned': { images: [outcome('app', { verdicts: [excluded] }), outcome(`app@${D1}`)], state: 'pinned' },
  'contested comes before all': { images: [outcome(`app@${D1}`)], contested: true, state: 'contested' },
};

for (const [sentence, { images, contested, state }] of Object.entries(states)) {
  test(sentence, () => assert.equal(stateOf(images, contested), state));
}
