import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { choosePolicy, claimableOf, policySource } from '../../src/karmada/choose-policy.ts';
import { claimOf } from '../../src/karmada/claim.ts';
import { possibleClusters } from '../../src/karmada/cluster-affinity.ts';
import { compareImages } from '../../src/karmada/compare-images.ts';
import { observedTemplate, type ObservedCluster } from '../../src/karmada/observed.ts';
import { predictImages, type Prediction } from '../../src/karmada/predict.ts';
import { propagationRules } from '../../src/karmada/propagation-rules.ts';
import type { BindingObject } from '../../src/karmada/types.ts';
import { untilHolds } from '../support/until-holds.ts';
import { apply, get, run, type Any } from '../support/installation.ts';
import { combinationCrds, combinations, commonPolicies } from '../support/karmada-combinations.ts';
import { combinationImages, KarmadaCamera, type KarmadaPicture } from '../support/karmada-picture.ts';
import { karmada, type KarmadaFleet } from '../support/karmada.ts';

const COUNT = 200;
const SEED = 20_261_122;
const MEMBERS = ['member1', 'member2'];
const RULES = propagationRules('assay.dev');

let fleet: KarmadaFleet;
let camera: KarmadaCamera;
let namespaces: readonly string[];

before(async () => {
  fleet = await karmada();
  camera = new KarmadaCamera(fleet);
  await Promise.all([fleet, ...fleet.members].map((cluster) => apply(cluster, ...combinationCrds())));
  namespaces = await Promise.all(['a', 'b', 'c', 'd'].map((letter) => fleet.namespace(`predicted-${letter}`)));
});

after(() => camera.close());

describe(`of ${COUNT} combinations of templates and policies, on the real Karmada`, () => {
  it('each is rendered as it was predicted, by the policy that was predicted', async (t) => {
    const all = combinations(COUNT, SEED, namespaces);
    await camera.create([...namespaces.flatMap((namespace, index) => commonPolicies(namespace, index % 2 === 1)), ...all.flatMap(({ policies }) => policies)]);
    await untilHolds('clusters that serve the kinds', async () => assert.equal((await camera.serving('predicted.example/v1')).length, 2));
    // The detector chooses among the policies that it has seen.
    await sleep(1000);
    await camera.create(all.map(({ template }) => template));
    const picture = await settled();
    const expectations = picture.templates.map((template) => expectation(template, picture));
    const chosen = Object.groupBy(expectations, ({ choice }) => (choice.type === 'None' ? choice.because : choice.policy.kind));
    const outcomes = expectations.flatMap(({ predictions }) => predictions);
    const counts = Object.groupBy(outcomes, (one) => (one.type === 'Images' ? (one.applied.length === 0 ? 'as it is' : 'overridden') : one.code));
    const shown = Object.entries({ ...chosen, ...counts }).map(([name, list]) => `${list?.length} ${name}`);
    t.diagnostic(`predicted and observed: ${shown.join(', ')}`);
    assert.equal(picture.templates.length, COUNT);
    for (const kind of ['PropagationPolicy', 'ClusterPropagationPolicy'] as const) assert.ok((chosen[kind]?.length ?? 0) >= 20, `no more than a few by a ${kind}`);
    for (const name of ['as it is', 'overridden', 'PathMissing', 'ImageInvalid', 'TypeMismatch', 'Panic'] as const) assert.ok((counts[name]?.length ?? 0) > 0, `no combination is ${name}`);
  });

  it('what is refused later leaves what a cluster is told as it was', async () => {
    const [namespace = ''] = namespaces;
    const name = 'refused';
    const deployment = combinations(40, SEED, [namespace]).find(({ template }) => template.kind === 'Deployment')?.template;
    assert.ok(deployment !== undefined);
    const containers = [{ name: 'c0', image: 'app:v1' }];
    await apply(fleet, { ...deployment, metadata: { namespace, name }, spec: { ...deployment.spec, template: { ...deployment.spec.template, spec: { containers } } } });
    const works = async (): Promise<KarmadaPicture['works']> => (await camera.take([namespace], MEMBERS)).works.filter(({ template }) => template.name === name);
    await untilHolds('its Works', async () => assert.equal((await works()).length, 2));
    const was = await works();
    const overriders = { plaintext: [{ path: '/spec/none/image', operator: 'replace', value: 'x' }] };
    const resourceSelectors = [{ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name }];
    await apply(fleet, { apiVersion: 'policy.karmada.io/v1alpha1', kind: 'OverridePolicy', metadata: { namespace, name }, spec: { resourceSelectors, overrideRules: [{ overriders }] } });
    await run(fleet, ['set', 'image', `deployment/${name}`, '-n', namespace, 'c0=app:v2']);
    const template = { ...(await get(fleet, namespace, 'deployment', name)), apiVersion: 'apps/v1', kind: 'Deployment' };
    const picture = await camera.take([namespace], MEMBERS);
    assert.deepEqual(predicted(template, picture).map((one) => one.type === 'Refused' && one.code), ['PathMissing', 'PathMissing']);
    await untilHolds('the failures', async () => {
      const { failures } = await camera.take([namespace], MEMBERS);
      for (const member of MEMBERS) assert.ok(failures.has(`Deployment/${namespace}/${name} ${member}`));
    });
    assert.deepEqual((await works()).map(({ resourceVersion, generation }) => [resourceVersion, generation]), was.map(({ resourceVersion, generation }) => [resourceVersion, generation]));
  });
});

/** Waits until Karmada has done everything that was predicted, and then does no more for a while. */
async function settled(): Promise<KarmadaPicture> {
  const look = async (): Promise<KarmadaPicture> => {
    const picture = await camera.take(namespaces, MEMBERS);
    const problems = picture.templates.flatMap((template) => problemsOf(template, picture));
    assert.deepEqual(problems.slice(0, 20), [], `${problems.length} differ`);
    return picture;
  };
  for (;;) {
    const picture = await untilHolds('Karmada', look, 90);
    await sleep(2000);
    const later = await look();
    const versions = ({ works }: KarmadaPicture): string => works.map(({ namespace, name, resourceVersion }) => `${namespace}/${name}@${resourceVersion}`).toSorted().join(' ');
    if (versions(picture) === versions(later)) return later;
  }
}

interface Expectation {
  readonly choice: ReturnType<typeof choosePolicy>;
  readonly predictions: readonly Prediction[];
}

/** What is said beforehand of a template: without the claim that it carries by now, and only for the clusters that its policy may choose. */
function expectation(template: Any, { policies, overrides, clusters }: KarmadaPicture): Expectation {
  const choice = choosePolicy({ ...claimableOf(template), claim: undefined }, policySource(policies, overrides), RULES);
  if (choice.type === 'None') return { choice, predictions: [] };
  return { choice, predictions: predictImages({ template, overrides, clusters: possibleClusters(choice.policy, clusters), imagesOfManifest: combinationImages, readYaml: parse }) };
}

function predicted(template: Any, { overrides, clusters }: KarmadaPicture): readonly Prediction[] {
  return predictImages({ template, overrides, clusters, imagesOfManifest: combinationImages, readYaml: parse });
}

/** Where what Karmada did is not (yet) what was said. */
function problemsOf(template: Any, picture: KarmadaPicture): readonly string[] {
  const { kind, metadata } = template;
  const where = `${kind}/${metadata.namespace}/${metadata.name}`;
  const { choice, predictions } = expectation(template, picture);
  const claim = claimOf(metadata.labels, metadata.annotations);
  if (choice.type === 'None' || claim?.kind !== choice.policy.kind || claim.name !== choice.policy.name || claim.id !== choice.policy.id) return [`${where}: claimed by ${claim?.name}, not by ${JSON.stringify(choice)}`];
  const binding = picture.bindings.find((one) => one.template.uid === metadata.uid);
  const names = predictions.map(({ cluster }) => cluster);
  if (binding === undefined || binding.claim?.id !== choice.policy.id || binding.clusters.toSorted().join() !== names.join()) return [`${where}: goes to ${binding?.clusters.join()}, not to ${names.join()}`];
  const observed = observe(template, binding, picture);
  return MEMBERS.flatMap((member) => {
    const prediction = predictions.find(({ cluster }) => cluster === member);
    const seen = observed.find(({ cluster }) => cluster === member);
    if (prediction?.type === 'Images' && prediction.uncertain === true && seen?.images === undefined) return [];
    return differences(prediction, seen, { where, failures: picture.failures, noted: picture.noted.get(`${member}/${metadata.namespace}/${metadata.name}`) }).map((text) => `${where} in ${member}: ${text}`);
  });
}

function observe(template: Any, binding: BindingObject, { works }: KarmadaPicture): readonly ObservedCluster[] {
  const { uid, generation } = template.metadata;
  const images = combinationImages(template.apiVersion, template.kind, template) ?? [];
  return observedTemplate(binding, { works: (id) => works.filter(({ bindingId }) => bindingId === id), template: () => ({ uid, generation, images }) }).clusters;
}

function differences(
  prediction: Prediction | undefined,
  seen: ObservedCluster | undefined,
  { where, failures, noted }: { readonly where: string; readonly failures: ReadonlySet<string>; readonly noted: readonly string[] | undefined },
): readonly string[] {
  if (prediction === undefined || prediction.type === 'Refused') {
    if (seen?.images !== undefined) return [`is rendered, but ${prediction === undefined ? 'is not to go there' : prediction.reason}`];
    // A panic is told to nobody.
    if (prediction === undefined || prediction.code === 'Panic' || failures.has(`${where} ${prediction.cluster}`)) return [];
    return [`nothing failed, but ${prediction.reason}`];
  }
  if (seen?.images === undefined) return ['is not rendered'];
  const applied = [...new Set(prediction.applied.map(({ name }) => name))].toSorted();
  return [
    ...(seen.current && seen.suspended ? [] : ['is not current']),
    ...compareImages(prediction.images, seen.images).map((one) => JSON.stringify(one)),
    ...(JSON.stringify(applied) === JSON.stringify(noted) ? [] : [`overridden by ${noted?.join()}, not by ${applied.join()}`]),
    ...(sorted(prediction.labels) === sorted(seen.labels ?? {}) ? [] : [`labels ${sorted(seen.labels ?? {})}, not ${sorted(prediction.labels)}`]),
  ];
}

function sorted(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
