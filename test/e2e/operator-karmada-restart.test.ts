import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditWrites } from '../support/audit.ts';
import { untilHolds } from '../support/until-holds.ts';
import { type Any, apply, deployment, keyedPolicy, list } from '../support/installation.ts';
import { karmada, type KarmadaFleet } from '../support/karmada.ts';
import { type KarmadaScene, setKarmadaScene } from '../support/karmada-scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';

const ROUNDS = 8;
const TEMPLATES = 30;
const NOWHERE = 'mirror.corp.example';
let fleet: KarmadaFleet;
let scene: KarmadaScene;
let images: readonly PushedImage[];

const nameOf = (index: number): string => `t${index}`;
const imageOf = (index: number): PushedImage => images[index % ROUNDS] ?? assert.fail('no image');
const all = Array.from({ length: TEMPLATES }, (_, index) => index);
const generations = async (kind: string): Promise<Map<string, number>> => new Map((await list(fleet, scene.namespace, kind)).map(({ metadata }: Any) => [metadata.name, metadata.generation]));

/** Of all templates at once; kubectl for each would take most of a minute. */
async function arrived(wanted: (member: string, index: number) => string): Promise<void> {
  for (const member of fleet.members) {
    await untilHolds(`the images in ${member.name}`, async () => {
      const found = new Map((await list(member, scene.namespace, 'deployments')).map(({ metadata, spec }: Any) => [metadata.name, spec.template.spec.containers[0].image]));
      for (const index of all) assert.equal(found.get(nameOf(index)), wanted(member.name, index));
    });
  }
}

before(async () => {
  fleet = await karmada();
  scene = await setKarmadaScene('restart', fleet);
  const key = scene.world.key();
  images = await Promise.all(Array.from({ length: ROUNDS }, (_, round) => pushImage(scene.registry.host, `round${round}/app:1`, { content: `round ${round}` })));
  for (const image of images) await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  const names = all.map(nameOf);
  await scene.override('mirror', names, 'member2', { imageOverrider: [{ component: 'Registry', operator: 'replace', value: NOWHERE }] });
  await scene.propagate('all', names);
  await apply(fleet, ...all.map((index) => deployment(scene.namespace, nameOf(index), [imageOf(index).reference])));
  const mirrored = ({ reference }: PushedImage): string => reference.replace(scene.registry.host, NOWHERE);
  await arrived((member, index) => (member === 'member1' ? imageOf(index).reference : mirrored(imageOf(index))));
  policy = (round) => keyedPolicy(scene.namespace, `round${round}`, `${scene.registry.host}/round${round}/**`, key.key.pem);
});
after(() => scene?.stop());

let policy: (round: number) => object;

test('an operator that is killed at any moment while it pins leaves one patch, one generation and one change of the binding for each template', { timeout: 300_000 }, async () => {
  const kinds = ['deployments', 'resourcebindings.work.karmada.io'];
  const old = await Promise.all(kinds.map(generations));
  const since = Date.now();
  const moments: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const operator = await scene.operate();
    const moment = Math.round(Math.random() * 1200);
    moments.push(moment);
    await Promise.all([apply(fleet, policy(round)), sleep(moment)]);
    await operator.stop('SIGKILL');
  }
  const told = `killed after ${moments.join(', ')} ms`;
  await scene.operate();
  await arrived((member, index) => (member === 'member1' ? imageOf(index).pinned : imageOf(index).pinned.replace(scene.registry.host, NOWHERE)));
  for (let round = 0; round < ROUNDS; round += 1) {
    await scene.condition(`round${round}`, 'Pinned', 'True');
    await scene.condition(`round${round}`, 'Verified', 'True');
  }
  // Of a patch whose sender was killed the API server may not know how it ended (504): what counts then is the generation.
  const patches = auditWrites(fleet.auditLog, scene.user, since).filter(({ resource }) => resource === 'deployments');
  const accepted = patches.flatMap(({ code, name }) => (code === 200 ? [name] : []));
  assert.deepEqual(accepted.toSorted(), [...new Set(accepted)].toSorted(), told);
  assert.deepEqual([...new Set(patches.map(({ verb, name }) => `${verb} ${name}`))].toSorted(), all.map((index) => `patch ${nameOf(index)}`).toSorted(), told);
  assert.deepEqual(await Promise.all(kinds.map(generations)), old.map((one) => new Map([...one].map(([name, generation]) => [name, generation + 1]))), told);
});
