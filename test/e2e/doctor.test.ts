import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { type Karmada, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { UNCOVERABLE_KINDS } from '../../src/api/further-kinds.ts';
import type { Finding } from '../../src/cli/doctor/types.ts';
import { applyCrds } from '../support/crds.ts';
import { install } from '../support/further-kinds.ts';
import { apply, deployment, keyedPolicy, run } from '../support/installation.ts';
import { fleetAt, type KarmadaFleet } from '../support/karmada.ts';
import { CLI, eventually } from '../support/operator.ts';
import { runToEnd } from '../support/run-to-end.ts';
import { createWorld } from '../support/sigstore/world.ts';

// A Karmada of its own: a part of it is taken away, and everything on it is looked at.
let karmada: Karmada;
let fleet: KarmadaFleet;
let folder: string;
const pem = createWorld().key().key.pem;

before(async () => {
  karmada = await startKarmada({ members: 0 });
  fleet = fleetAt(karmada.connection);
  folder = temporaryDirectory('doctor');
});
after(() => karmada?.stop());

async function doctor(...args: readonly string[]): Promise<{ readonly code: number; readonly findings: readonly Finding[] }> {
  const { code, stdout, stderr } = await runToEnd([CLI, 'doctor', `--kubeconfig=${fleet.adminKubeconfig}`, '-o', 'json', ...args], { TUF_MIRROR: '0', HOME: folder });
  assert.equal(stderr, '');
  return { code, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
}

/** What is said by one check, and of what. */
async function said(check: Finding['check']): Promise<string[]> {
  const { findings } = await doctor();
  return findings.filter((finding) => finding.check === check).map(({ result, what, objects = [] }) => `${result} ${what} [${objects.join('; ')}]`);
}

const karmadaPolicy = (kind: string, namespace: string, name: string, spec: object): object => ({ apiVersion: 'policy.karmada.io/v1alpha1', kind, metadata: { namespace, name }, spec });
const everywhere = { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment' }], placement: { clusterAffinity: { clusterNames: ['nowhere'] } } };
const overrides = (namespace: string, imageOverrider: object[], kind = 'Deployment', apiVersion = 'apps/v1'): object =>
  karmadaPolicy('OverridePolicy', namespace, 'override', { resourceSelectors: [{ apiVersion, kind }], overrideRules: [{ overriders: { imageOverrider } }] });
const REGISTRY = { component: 'Registry', operator: 'replace', value: 'mirror.corp.example' };

describe('assay doctor on a bare Karmada', () => {
  test('names the half of the installation that belongs there, and what it cannot see', async () => {
    const { code, findings } = await doctor();
    assert.equal(code, 1);
    assert.deepEqual(findings.filter(({ result }) => result === 'problem').map(({ check, todo }) => `${check}: ${todo?.split(': ').at(-1)}`), [
      'definitions: kubectl apply --server-side -k config/karmada/control-plane',
      'definitions: kubectl apply --server-side -k config/karmada/control-plane',
      'rights: kubectl apply -k config/karmada/control-plane',
    ]);
    const propagation = findings.find(({ check }) => check === 'propagation');
    assert.equal(propagation?.result, 'unseen');
    assert.match(propagation?.todo ?? '', /kubectl --kubeconfig HOST -n karmada-system get deploy karmada-controller-manager -o yaml \| grep skipped-propagating-apis/);
    assert.deepEqual(findings.filter(({ check }) => check === 'karmada').map(({ result }) => result), ['ok']);
  });
});

describe('assay doctor on Karmada sees', () => {
  before(async () => {
    await applyCrds(fleet);
  });

  test('a Registry overrider that will drop a digest behind a tag, until the form is Digest', async () => {
    const namespace = await fleet.namespace('drops');
    await apply(fleet, deployment(namespace, 'web', ['ghcr.io/acme/web:1.4']), keyedPolicy(namespace, 'release', 'ghcr.io/acme/**', pem, { pin: { form: 'TagAndDigest' } }), overrides(namespace, [REGISTRY]));
    const [finding] = (await said('overrides')).filter((line) => line.includes(namespace));
    assert.match(finding ?? '', new RegExp(`^problem .*drops the digest.*Deployment ${namespace}/web \\(OverridePolicy ${namespace}/override\\)`));
    await run(fleet, ['patch', 'iv', 'release', '-n', namespace, '--type=merge', '-p', '{"spec":{"pin":{"form":"Digest"}}}']);
    assert.deepEqual((await said('overrides')).filter((line) => line.includes(namespace)), []);
  });

  test('a Tag overrider that will put a tag in place of a verified digest', async () => {
    const namespace = await fleet.namespace('unpins');
    await apply(fleet, deployment(namespace, 'web', ['ghcr.io/acme/web:1.4']), keyedPolicy(namespace, 'release', 'ghcr.io/acme/**', pem), overrides(namespace, [{ component: 'Tag', operator: 'replace', value: 'v2' }]));
    assert.match((await said('overrides')).find((line) => line.includes(namespace)) ?? '', /^problem .*a tag in place of the verified digest/);
    await run(fleet, ['delete', 'op', 'override', '-n', namespace]);
  });

  test('an overrider that does not reach init containers and CronJobs', async () => {
    const namespace = await fleet.namespace('misses');
    const pod = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'ghcr.io/acme/job:1' }] };
    await apply(fleet,
      deployment(namespace, 'web', ['ghcr.io/acme/web:1.4'], { initContainers: [{ name: 'init', image: 'ghcr.io/acme/init:1' }] }),
      { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { namespace, name: 'nightly' }, spec: { schedule: '0 0 * * *', jobTemplate: { spec: { template: { spec: pod } } } } },
      karmadaPolicy('OverridePolicy', namespace, 'override', { overrideRules: [{ overriders: { imageOverrider: [REGISTRY] } }] }));
    const line = (await said('overrides')).find((one) => one.includes(namespace)) ?? '';
    assert.match(line, /^warning of 2 templates an image overrider does not reach all images/);
    assert.ok(line.includes(`CronJob ${namespace}/nightly`) && line.includes(`Deployment ${namespace}/web`));
    await run(fleet, ['delete', 'op', 'override', '-n', namespace]);
  });

  test('a Lazy policy', async () => {
    const namespace = await fleet.namespace('lazy');
    await apply(fleet, karmadaPolicy('PropagationPolicy', namespace, 'slow', { ...everywhere, activationPreference: 'Lazy' }));
    assert.match((await said('lazy')).join(), new RegExp(`^warning 1 propagation policy is Lazy.*PropagationPolicy ${namespace}/slow`));
    await run(fleet, ['delete', 'pp', 'slow', '-n', namespace]);
    assert.match((await said('lazy')).join(), /^ok /);
  });

  test('a pull secret that is not on the control plane, until it is', async () => {
    const namespace = await fleet.namespace('pull');
    await apply(fleet, deployment(namespace, 'web', ['ghcr.io/acme/web:1.4'], { imagePullSecrets: [{ name: 'registry' }] }));
    assert.match((await said('pull-secrets')).join(), new RegExp(`^warning 1 pull secret .*${namespace}/registry`));
    await run(fleet, ['create', 'secret', 'docker-registry', 'registry', '-n', namespace, '--docker-server=ghcr.io', '--docker-username=u', '--docker-password=p']);
    assert.match((await said('pull-secrets')).join(), /^ok /);
  });

  test('kinds that hide their images, by their number', async () => {
    await install(fleet, ...UNCOVERABLE_KINDS);
    assert.match((await said('hidden-images')).join(), /^ok /);
    const namespace = await fleet.namespace('hidden');
    const release = (name: string): object => ({ apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: { namespace, name }, spec: {} });
    await apply(fleet, ...['a', 'b', 'c'].map(release), { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { namespace, name: 'app' }, spec: {} });
    assert.match((await said('hidden-images')).join(), /^warning 3 HelmReleases, 1 Application: /);
  });

  test('a policy of ours that Karmada takes for a template', async () => {
    const namespace = await fleet.namespace('claimed');
    const policy = keyedPolicy(namespace, 'release', 'ghcr.io/none/**', pem);
    // As Karmada marks what it claims, where it is not told to leave our group alone.
    await apply(fleet, { ...policy, metadata: { ...policy.metadata, labels: { 'propagationpolicy.karmada.io/permanent-id': 'b9a6d0a5-2c1d-4fb4-9a5e-0d6f0f3a8a11' } } });
    assert.ok((await said('propagation')).some((line) => line.startsWith('problem Karmada propagates 1 policy of Assay') && line.includes(`${namespace}/release`)));
    await run(fleet, ['delete', 'iv', 'release', '-n', namespace]);
  });
});

test('assay doctor tells an outage of the aggregated API server from its absence', async () => {
  const component = karmada.components['karmada-aggregated-apiserver'];
  await component.stop();
  await eventually('the outage', async () => {
    const lines = await said('karmada');
    assert.ok(lines.some((line) => line.startsWith('problem cluster.karmada.io/v1alpha1 is not served at the moment')), lines.join('\n'));
    return true;
  });
  const { code, findings } = await doctor();
  assert.equal(code, 1);
  // All else is looked at as before.
  assert.deepEqual(findings.filter(({ check, result }) => ['overrides', 'lazy', 'pull-secrets', 'definitions'].includes(check) && result === 'unseen'), []);
  await component.start();
  await eventually('its end', async () => (await said('karmada')).every((line) => line.startsWith('ok ')));
});
