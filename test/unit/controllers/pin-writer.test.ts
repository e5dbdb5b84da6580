import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pinsOf, planPins } from '../../../src/controllers/pin-plan.ts';
import { type PinResult, writePins } from '../../../src/controllers/pin-writer.ts';
import { errorFromStatus } from '../../../src/kube/api-error.ts';
import { DEPLOYMENTS, field, outcome, workload } from './builders.ts';
import { StandInClient } from './stand-ins.ts';

const object = workload([field('app:1')]);
const plan = planPins(object, pinsOf([outcome('app:1')], 'Digest'));
const { signal } = new AbortController();

function write(answer?: Error): { client: StandInClient; result: Promise<PinResult> } {
  const client = new StandInClient();
  if (answer !== undefined) client.answer = () => answer;
  return { client, result: writePins(client, object, plan, signal) };
}

test('a pin is one JSON patch in our name, and the version that it made is told', async () => {
  const { client, result } = write();
  assert.deepEqual(await result, { result: 'pinned', resourceVersion: '1001' });
  const [call, ...more] = client.calls;
  assert.deepEqual(more, []);
  assert.deepEqual(call, {
    verb: 'patch',
    resource: DEPLOYMENTS,
    ref: { namespace: 'web', name: 'api' },
    body: { type: 'json', operations: plan.patch },
    options: { fieldManager: 'assay', signal },
  });
});

const status = (code: number, body: object = {}): Error => errorFromStatus('patch deployments.apps "web/api"', code, body);
const cause = { reason: 'Invalid', message: 'spec.x: Forbidden: may not be changed', details: { causes: [{ field: 'spec.x', reason: 'FieldValueForbidden' }] } };
const answers: Record<string, { answer: Error; result: string; reason?: string; says?: RegExp }> = {
  'a workload that is gone is nothing to pin': { answer: status(404), result: 'gone' },
  'a version that moved on is a conflict': { answer: status(409), result: 'conflict', reason: 'PatchConflict' },
  'a test that does not hold is a conflict: the API server says 422 and names no field': { answer: status(422, { reason: 'Invalid', message: 'the server rejected our request due to an error in our request' }), result: 'conflict', reason: 'PatchConflict' },
  'an object that validation refuses is rejected, in its words': { answer: status(422, cause), result: 'rejected', reason: 'PatchForbidden', says: /spec\.x: Forbidden: may not be changed/ },
  'RBAC or a webhook that says no is told, with what to do': { answer: status(403, { message: 'admission webhook "x" denied the request' }), result: 'forbidden', reason: 'PatchForbidden', says: /webhook "x" denied.*allow the operator to patch Deployments/ },
};
for (const [sentence, { answer, result, reason, says }] of Object.entries(answers)) {
  test(sentence, async () => {
    const found = await write(answer).result;
    assert.deepEqual([found.result, 'reason' in found ? found.reason : undefined], [result, reason]);
    if (says !== undefined) assert.match('message' in found ? found.message : '', says);
  });
}

for (const code of [429, 500, 503]) {
  test(`an API server that answers ${code} is tried again by whoever asked`, async () => {
    await assert.rejects(write(status(code)).result, (error) => error instanceof Error && error.message.includes(String(code)));
  });
}
