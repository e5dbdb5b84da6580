import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Any, apply, deployment, keyedPolicy } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { setScene, type Scene } from '../support/scene.ts';
import { type PushedImage, pushImage, pushLegacyAttestations } from '../support/sigstore/push.ts';

// What somebody's expression, statement or trust root can do to those who judge, and to all others: nothing.
let scene: Scene;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;

before(async () => {
  scene = await setScene('judging');
  key = scene.world.key();
  operator = await scene.start({ args: ['--judgement-workers=2', '--judgement-timeout=1s', '--judgement-memory=64Mi'] });
});
after(() => scene?.stop());

const glob = (name: string): string => `${scene.registry.host}/${name}/**`;
const overruns = (code: string): Promise<number> => operator.metric(`assay_judgement_overruns_total{code="${code}"}`).then((count) => count ?? Number.NaN);
const busy = (): Promise<number> => operator.metric('assay_judgement_workers{state="busy"}').then((count) => count ?? Number.NaN);

async function pushSigned(name: string): Promise<PushedImage> {
  const image = await pushImage(scene.registry.host, `${name}:1.0`, { content: name });
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  return image;
}

/** An image whose only attestation lists so many numbers, and a policy that holds this expression against it. */
async function attested(name: string, numbers: number, cel: string): Promise<void> {
  const image = await pushImage(scene.registry.host, `${name}/app:1.0`, { content: name });
  const artifact = { digest: image.digest, repository: `${image.host}/${image.repository}` };
  const predicate = { numbers: Array.from({ length: numbers }, (_, index) => index) };
  const how = { log: 'none', predicateType: 'https://acme.example/numbers', predicate } as const;
  await pushLegacyAttestations(image, [scene.world.legacyAttestation(key, artifact, how)]);
  const authorities = [{ name: 'numbers', key: { data: key.key.pem }, attestations: [{ name: 'numbers', predicateType: how.predicateType, policy: { cel } }] }];
  await apply(scene.cluster, keyedPolicy(scene.namespace, name, glob(name), key.key.pem, { authorities }));
  await apply(scene.cluster, deployment(scene.namespace, name, [image.reference]));
}

const good = async (name: string): Promise<void> => {
  const image = await pushSigned(`good/${name}`);
  await apply(scene.cluster, deployment(scene.namespace, name, [image.reference]));
  assert.equal(await scene.pinned(name), image.pinned);
};

test('images are judged by threads, which are there when there is something to judge', async () => {
  assert.equal(await operator.metric('assay_judgement_workers{state="idle"}'), 0);
  await apply(scene.cluster, keyedPolicy(scene.namespace, 'good', glob('good'), key.key.pem));
  await good('first');
  assert.ok(((await operator.metric('assay_judgement_workers{state="idle"}')) ?? 0) >= 1);
});

test('an expression over a statement passes and fails in a thread as it says', async () => {
  await attested('small', 10, 'predicate.numbers.all(n, n < 10)');
  await attested('wrong', 10, 'predicate.numbers.all(n, n < 9)');
  assert.ok(await scene.pinned('small'));
  assert.match((await scene.row('wrong', 'wrong/app', 'AttestationRejected')).message, /numbers/);
});

const poisons: Record<string, { cel: string; code: string; says: RegExp }> = {
  'never ends': { cel: 'predicate.numbers.all(a, predicate.numbers.all(b, a + b >= 0))', code: 'Overrun', says: /had used \d+ ms of processor time/ },
  'fills all memory': { cel: 'size(predicate.numbers.map(a, predicate.numbers.map(b, [a, b]))) > 0', code: 'OutOfMemory', says: /needed more than the 64 MiB/ },
};
for (const [what, { cel, code, says }] of Object.entries(poisons)) {
  test(`an expression that ${what} is ended and set aside, while all other images are judged`, async () => {
    const name = code.toLowerCase();
    const before = await overruns(code);
    const poisoned = attested(name, 30_000, cel);
    // As long as it takes: what is judged beside it, and the probes, are not held up.
    await Promise.all([poisoned, good(`beside-${name}`), eventually('a judgement under way or ended', async () => (await busy()) > 0 || (await overruns(code)) > before)]);
    assert.ok((await fetch(`${operator.probesUrl}/readyz`)).ok);
    const row = await scene.row(name, `${name}/app`, 'LimitExceeded');
    assert.equal(row.result, 'Unknown');
    assert.match(row.message, says);
    assert.match(row.message, new RegExp(`${name}/app@sha256:[0-9a-f]{64}.*; it is set aside until \\d{4}-`));
    assert.equal(await overruns(code), before + 1);
    assert.ok(operator.log().some((line) => String(line['message']).startsWith('a judgement was ended') && line['code'] === code && String(line['image']).includes(`${name}/app@`)));
    await good(`after-${name}`);
    assert.equal(await scene.image(name), `${scene.registry.host}/${name}/app:1.0`, 'nothing is pinned that was not verified');
  });
}

test('what is set aside is not tried again by every change of a workload', async () => {
  const before = await overruns('Overrun');
  const changed: Any = deployment(scene.namespace, 'overrun', [`${scene.registry.host}/overrun/app:1.0`], {}, { annotations: { changed: 'yes' } });
  changed.spec.template.metadata.annotations = { changed: 'yes' };
  await apply(scene.cluster, changed);
  await good('at-last');
  assert.equal(await overruns('Overrun'), before);
});

test('a trust root of a tenant is read in a thread: one that is none is told, one that is counts', async () => {
  const configMap = (name: string, text: string): Any => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: scene.namespace, name }, data: { 'trusted_root.json': text } });
  await apply(scene.cluster, configMap('ours', scene.world.trustedRootJson), configMap('none', '{}'));
  const policy = (name: string): Any => {
    const trustRootRef = { kind: 'ConfigMap', name };
    const keyless = { trustRootRef, identities: [{ issuer: 'https://i.example', subject: 'me@i.example' }] };
    return keyedPolicy(scene.namespace, name, glob(name), key.key.pem, { authorities: [{ name: 'tenant', keyless }] });
  };
  await apply(scene.cluster, policy('ours'), policy('none'));
  await scene.condition('ours', 'Ready', 'True');
  assert.match((await scene.condition('none', 'Ready', 'False', 'PolicyInvalid')).message, /spec\.authorities\[0\]\.keyless\.trustRootRef: .*trusted root/);
});
