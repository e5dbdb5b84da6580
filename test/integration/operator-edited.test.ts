import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Any, apply, deployment, keyedPolicy, list, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { setScene, type Scene } from '../support/scene.ts';
import { pushImage, pushLegacyAttestations } from '../support/sigstore/push.ts';

// While a thread judges for seconds, somebody edits or deletes the policy, or the operator is killed: what comes out then is not what counts.
const SLOW = 'predicate.numbers.all(a, predicate.numbers.all(b, a + b >= 0))';
const TYPE = 'https://acme.example/numbers';
const START = { args: ['--judgement-workers=1', '--judgement-timeout=30s', '--judgement-memory=128Mi'] };

let scene: Scene;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;

before(async () => {
  scene = await setScene('edited');
  key = scene.world.key();
  operator = await scene.start(START);
});
after(() => scene?.stop());

const busy = async (): Promise<boolean> => (await operator.metric('assay_judgement_workers{state="busy"}')) === 1;
const idle = (): Promise<unknown> => eventually('the end of all judgements', async () => !(await busy()), undefined, 120);
/** Also on a busy machine, and after whatever else a start has judged. */
const pinned = (name: string): Promise<unknown> => eventually(`the pin of ${name}`, async () => (await scene.image(name)).includes('@sha256:'), undefined, 120);
const tag = (name: string): string => `${scene.registry.host}/${name}/app:1.0`;

function wants(name: string, cel: string): Any {
  const attestations = [{ name: 'numbers', predicateType: TYPE, policy: { cel } }];
  return keyedPolicy(scene.namespace, name, `${scene.registry.host}/${name}/**`, key.key.pem, { authorities: [{ name: 'numbers', key: { data: key.key.pem }, attestations }] });
}

/** A workload of which the only image is being judged, for some seconds, and would pass. */
async function judging(name: string): Promise<void> {
  const image = await pushImage(scene.registry.host, `${name}/app:1.0`, { content: name });
  const predicate = { numbers: Array.from({ length: 2500 }, (_, index) => index) };
  await pushLegacyAttestations(image, [scene.world.legacyAttestation(key, { digest: image.digest, repository: `${image.host}/${image.repository}` }, { log: 'none', predicateType: TYPE, predicate })]);
  await apply(scene.cluster, wants(name, SLOW));
  await apply(scene.cluster, deployment(scene.namespace, name, [image.reference]));
  await eventually('a judgement under way', busy);
}

test('a policy that is edited while an image is judged by it is not acted on as it was', async () => {
  await judging('stricter');
  await apply(scene.cluster, wants('stricter', 'predicate.numbers.all(n, n < 10)'));
  const row = await scene.row('stricter', 'stricter/app', 'AttestationRejected');
  assert.match(row.message, /^the attestation "numbers" by key sha256:[0-9a-f]{64} is not what authority "numbers" wants: .* of "predicate\.numbers\.all\(n, n < 10\)"; make the attestation say what is wanted, or change the policy/);
  assert.equal(await scene.image('stricter'), tag('stricter'));
  const described = await run(scene.cluster, ['describe', 'iv', '-n', scene.namespace, 'stricter']);
  assert.match(described, /AttestationRejected/);
  assert.deepEqual((await list(scene.cluster, scene.namespace, 'events.events.k8s.io')).filter((event) => event.reason === 'Pinned'), []);
});

test('a policy that is deleted meanwhile pins nothing any more', async () => {
  await idle();
  await judging('deleted');
  await run(scene.cluster, ['delete', 'iv', '-n', scene.namespace, 'deleted']);
  await idle();
  await sleep(500);
  assert.equal(await scene.image('deleted'), tag('deleted'));
});

test('an operator that is killed meanwhile judges anew and comes to the same end', async () => {
  await idle();
  await judging('killed');
  await operator.stop('SIGKILL');
  operator = await scene.start(START);
  await pinned('killed');
  assert.equal(await scene.image('stricter'), tag('stricter'));
});

test('one that is asked to stop meanwhile stops, and writes no verdict that nobody reached', async () => {
  await idle();
  await judging('stopped');
  await operator.stop();
  assert.deepEqual((await scene.policy('stopped')).status?.images?.map((row: Any) => row.reason) ?? [], []);
  operator = await scene.start(START);
  await pinned('stopped');
});
