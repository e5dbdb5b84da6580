import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { auditWrites } from '../support/audit.ts';
import { eventually } from '../support/operator.ts';
import type { OperatorWatch } from '../support/operator-watch.ts';
import { setTrial, type Trial, USER } from '../support/propagated-trial.ts';

/*
 * What `npm run bench -- karmada` measures, small and without times: on Karmada's real API, with what Karmada would have written.
 */
const TEMPLATES = 100;
const CLUSTERS = 5;
let trial: Trial;
let watch: OperatorWatch;
let started: number;

before(async () => {
  trial = await setTrial({ templates: TEMPLATES, policies: 10, clusters: CLUSTERS, images: 20 });
  await trial.fleet.writeWorks(trial.clusters);
  started = Date.now();
  watch = await trial.start();
});
after(async () => {
  await watch?.operator.stop();
  await trial?.stop();
});

const tail = (): string => watch.operator.process.tail(5);

test('every template and every Work is judged, and nothing is written but the status of each policy', async (context) => {
  await eventually('every verdict', async () => (await watch.workloads('pinned')) === TEMPLATES, tail);
  context.diagnostic(`every verdict ${Date.now() - started} ms after the start`);
  await eventually('every Work', async () => (await watch.operator.metric('assay_karmada_works{result="Verified"}')) === TEMPLATES * CLUSTERS, tail);
  const took = (Date.now() - started) / 1000;
  await watch.untilQuiet(1.5);
  const writes = auditWrites(trial.api.auditLog, USER, started).map(({ verb, resource, name }) => `${verb} ${resource} ${name}`);
  assert.deepEqual([...new Set(writes)].toSorted(), ['base', 'team0', 'team1', 'team2', 'team3'].map((name) => `patch clusterimageverifications/status ${name}`));
  // Of each policy one a second while there is something to judge, and the last.
  assert.ok(writes.length <= 5 * (1 + took), `${writes.length} writes in ${took} s`);
});

test('an idle fleet costs no write, no registry request and no second look', async () => {
  assert.deepEqual(await watch.during(() => sleep(2500)), { writes: [], requests: 0, judged: 0, policies: 0 });
});

test('what Karmada reports, and what it renders again with the same outcome, has nothing judged again', async () => {
  assert.deepEqual(await watch.during(async () => {
    await trial.fleet.stir(trial.fleet.templates);
    await sleep(1500);
  }), { writes: [], requests: 0, judged: 0, policies: 0 });
});

test('an edit of a policy has only those templates judged again that it governs, and asks no registry', async () => {
  const own = trial.ofTeam(1);
  const { judged, requests, writes } = await watch.during(async () => {
    await trial.editTeam(1);
    await sleep(500);
    await watch.untilQuiet(1.5);
  });
  assert.deepEqual([judged, requests], [own.length, 0]);
  assert.deepEqual([...new Set(writes)], ['patch clusterimageverifications/status /team1']);
});

test('an edit of a PropagationPolicy has nothing judged again before a template or a Work changes', async () => {
  assert.deepEqual(await watch.during(async () => {
    await trial.fleet.editPolicies(trial.fleet.templates);
    await sleep(1500);
  }), { writes: [], requests: 0, judged: 0, policies: 0 });
});
