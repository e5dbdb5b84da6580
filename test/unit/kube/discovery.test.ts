import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ApiError } from '../../../src/kube/api-error.ts';
import type { DocumentAnswer, DocumentOptions } from '../../../src/kube/client.ts';
import { Discovery, type DiscoveryProblem } from '../../../src/kube/discovery.ts';
import type { OptionalResource } from '../../../src/kube/served.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';

const WANTED: OptionalResource = { group: 'ray.io', plural: 'rayclusters', kind: 'RayCluster', namespaced: true, versions: ['v1'] };
const RESOURCE = { resource: 'rayclusters', responseKind: { kind: 'RayCluster' }, scope: 'Namespaced', verbs: ['list', 'watch'] };
const listed = (versions: readonly object[]): DocumentAnswer => ({ unchanged: false, etag: '"e"', content: { kind: 'APIGroupDiscoveryList', items: [{ metadata: { name: 'ray.io' }, versions }] } });
const THERE = listed([{ version: 'v1', freshness: 'Current', resources: [RESOURCE] }]);
const GONE = listed([]);
const UNCHANGED: DocumentAnswer = { unchanged: true };
const OUTAGE = new ApiError('Unavailable', 'get /apis: away', { status: 503 });

/** An API server that answers what it is told, the last answer for ever. */
class Answering {
  answers: (DocumentAnswer | Error)[] = [];
  paths: Record<string, unknown> = {};
  readonly asked: DocumentOptions[] = [];

  getDocument(_: string, options: DocumentOptions): Promise<DocumentAnswer> {
    this.asked.push(options);
    const answer = this.answers.length > 1 ? this.answers.shift() : this.answers[0];
    return answer instanceof Error || answer === undefined ? Promise.reject(answer ?? OUTAGE) : Promise.resolve(answer);
  }

  getPath(path: string): Promise<unknown> {
    const found = this.paths[path];
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  }
}

const running: Discovery[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

interface Scene {
  readonly server: Answering;
  readonly clock: ManualClock;
  readonly discovery: Discovery;
  readonly problems: (DiscoveryProblem | undefined)[];
  readonly state: () => string;
  readonly pass: (seconds: number) => Promise<void>;
}

async function begin(...answers: (DocumentAnswer | Error)[]): Promise<Scene> {
  const [server, clock, problems] = [new Answering(), new ManualClock(), [] as (DiscoveryProblem | undefined)[]];
  server.answers = answers;
  const discovery = new Discovery({ client: server, clock, groups: new Set(['ray.io']), random: () => 0.5, onProblem: (problem) => problems.push(problem) });
  running.push(discovery);
  discovery.start();
  await settled();
  return {
    server,
    clock,
    discovery,
    problems,
    state: () => discovery.find(WANTED).state,
    pass: async (seconds) => {
      for (let step = 0; step < seconds * 10; step += 1) {
        clock.advance(100);
        await settled();
      }
    },
  };
}

describe('discovery', () => {
  test('asks at the start, and then twice a minute with the tag of what it has', async () => {
    const { server, discovery, state, pass } = await begin(THERE, UNCHANGED);
    assert.ok(discovery.known);
    assert.equal(state(), 'present');
    assert.equal(server.asked.length, 1);
    assert.match(server.asked[0]?.accept ?? '', /as=APIGroupDiscoveryList/);
    assert.equal(server.asked[0]?.etag, undefined);
    assert.ok((server.asked[0]?.maxBytes ?? Infinity) <= 32 * 1024 * 1024);
    await pass(29);
    assert.equal(server.asked.length, 1);
    await pass(31);
    assert.equal(server.asked.length, 3);
    assert.equal(server.asked[2]?.etag, '"e"');
    assert.equal(state(), 'present');
  });

  test('spreads its questions: operators that start together do not ask together', async () => {
    const clock = new ManualClock();
    const server = new Answering();
    server.answers = [UNCHANGED];
    for (const random of [0, 0.999]) {
      const discovery = new Discovery({ client: server, clock, groups: new Set(), random: () => random });
      running.push(discovery);
      discovery.start();
    }
    await settled();
    clock.advance(28_000);
    await settled();
    assert.equal(server.asked.length, 3);
  });

  test('believes that something is gone when two answers say so, the second of which comes soon', async () => {
    const { server, state, pass } = await begin(THERE, GONE, UNCHANGED);
    await pass(30);
    assert.equal(server.asked.length, 2);
    assert.equal(state(), 'present');
    await pass(1);
    assert.equal(server.asked.length, 3);
    assert.equal(state(), 'absent');
  });

  test('forgets nothing in an outage, says once that there is one and once that it is over', async () => {
    const { state, problems, pass } = await begin(THERE, OUTAGE, OUTAGE, OUTAGE, THERE);
    await pass(45);
    assert.equal(state(), 'present');
    assert.deepEqual(problems.map((problem) => problem?.code), ['Unavailable', undefined]);
  });

  test('does not take an outage at the start for an answer', async () => {
    const { discovery, state, pass } = await begin(OUTAGE, THERE);
    assert.ok(!discovery.known);
    assert.equal(discovery.problem?.code, 'Unavailable');
    await pass(1);
    assert.ok(discovery.known);
    assert.equal(state(), 'present');
    assert.equal(discovery.problem, undefined);
  });

  test('tells whoever listens after each answer, until it is stopped', async () => {
    const { discovery, pass } = await begin(THERE, UNCHANGED);
    let told = 0;
    const end = discovery.subscribe(() => (told += 1));
    await pass(30);
    end();
    await pass(30);
    assert.equal(told, 1);
  });

  test('asks at once when it is told that something does not fit, but not a server that does not answer', async () => {
    const { server, discovery, pass } = await begin(THERE, THERE, OUTAGE);
    discovery.refresh();
    await settled();
    assert.equal(server.asked.length, 2);
    await pass(30);
    assert.equal(server.asked.length, 3);
    for (let time = 0; time < 5; time += 1) discovery.refresh();
    await settled();
    assert.equal(server.asked.length, 3);
  });

  test('asks a server of before by group version; one that does not answer is away, one that is gone is gone', async () => {
    const groups: DocumentAnswer = { unchanged: false, content: { kind: 'APIGroupList', groups: [{ name: 'ray.io', versions: [{ version: 'v1' }, { version: 'v1alpha1' }] }, { name: 'apps', versions: [{ version: 'v1' }] }] } };
    const { server, state, pass } = await begin(groups);
    assert.equal(state(), 'unavailable');
    server.paths = {
      '/apis/ray.io/v1': { kind: 'APIResourceList', resources: [{ name: 'rayclusters', kind: 'RayCluster', namespaced: true, verbs: ['list', 'watch'] }] },
      '/apis/ray.io/v1alpha1': OUTAGE,
    };
    await pass(30);
    assert.equal(state(), 'present');
    server.paths = { '/apis/ray.io/v1': new ApiError('NotFound', 'gone', { status: 404 }), '/apis/ray.io/v1alpha1': new ApiError('NotFound', 'gone', { status: 404 }) };
    await pass(31);
    assert.equal(state(), 'absent');
  });

  test('is started once, and stops', async () => {
    const { discovery, clock } = await begin(THERE);
    assert.throws(() => discovery.start(), /was started already/);
    await discovery.stop();
    assert.equal(clock.timers, 0);
  });
});
