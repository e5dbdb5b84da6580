import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { ApiError } from '../../../src/kube/api-error.ts';
import type { KubeClient, ListPage, WatchOptions } from '../../../src/kube/client.ts';
import type { DiscoveryProblem } from '../../../src/kube/discovery.ts';
import type { KubeObject, Resource } from '../../../src/kube/object.ts';
import { OptionalReflector } from '../../../src/kube/optional-reflector.ts';
import type { ReflectorProblem } from '../../../src/kube/recovery.ts';
import type { Availability, OptionalResource } from '../../../src/kube/served.ts';
import type { Change, Stored } from '../../../src/kube/store.ts';
import type { WatchEvent } from '../../../src/kube/watch-stream.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';

const WANTED: OptionalResource = { group: 'ray.io', plural: 'rayclusters', kind: 'RayCluster', namespaced: true, versions: ['v1', 'v1alpha1'] };
const served = (version = 'v1'): Availability => ({ state: 'present', resource: { group: 'ray.io', version, plural: 'rayclusters', kind: 'RayCluster', namespaced: true } });
const ABSENT: Availability = { state: 'absent' };
const AWAY: Availability = { state: 'unavailable' };
const NOT_FOUND = new ApiError('NotFound', 'list rayclusters.ray.io: not found', { status: 404 });
const FORBIDDEN = new ApiError('Forbidden', 'list rayclusters.ray.io: no', { status: 403 });

const object = (name: string, resourceVersion = '1'): KubeObject => ({ metadata: { namespace: 'web', name, resourceVersion } });

/** What discovery says, which is the test's to say. */
class Said {
  known = false;
  problem: DiscoveryProblem | undefined;
  refreshed = 0;
  #found: Availability = ABSENT;
  readonly #handlers = new Set<() => void>();

  find(): Availability {
    return this.#found;
  }

  refresh(): void {
    this.refreshed += 1;
  }

  subscribe(handler: () => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  async say(found: Availability): Promise<void> {
    this.known = true;
    this.#found = found;
    for (const handler of this.#handlers) handler();
    await settled();
  }
}

/** Lists and watches as the test says; everything asked is kept. */
class Server {
  objects: readonly KubeObject[] | Error = [];
  readonly asked: string[] = [];
  open = 0;
  emit: (event: WatchEvent) => void = (): void => assert.fail('nothing watches');

  async list({ version }: Resource): Promise<ListPage> {
    this.asked.push(`list ${version}`);
    if (this.objects instanceof Error) throw this.objects;
    return { items: this.objects, resourceVersion: '10' };
  }

  async watch({ version }: Resource, { signal, onOpen }: WatchOptions, onEvent: (event: WatchEvent) => void): Promise<void> {
    this.asked.push(`watch ${version}`);
    this.emit = onEvent;
    this.open += 1;
    onOpen?.();
    await new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))).finally(() => (this.open -= 1));
  }
}

interface Scene {
  readonly said: Said;
  readonly server: Server;
  readonly clock: ManualClock;
  readonly reflector: OptionalReflector<Stored>;
  readonly changes: string[];
  readonly problems: (string | undefined)[];
  readonly names: () => string[];
}

const running: OptionalReflector<Stored>[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

function begin(): Scene {
  const [said, server, clock, changes, problems] = [new Said(), new Server(), new ManualClock(), [] as string[], [] as (string | undefined)[]];
  const reflector = new OptionalReflector<Stored>({
    client: server as unknown as KubeClient,
    clock,
    discovery: said,
    resource: WANTED,
    random: () => 0.5,
    project: ({ metadata }) => ({ namespace: metadata.namespace ?? '', name: metadata.name, resourceVersion: metadata.resourceVersion ?? '' }),
    hooks: { onProblem: (_: Resource, problem: ReflectorProblem | undefined) => problems.push(problem?.code) },
  });
  running.push(reflector);
  reflector.subscribe((change: Change<Stored>) => changes.push(`${change.type} ${change.key}`));
  reflector.start();
  return { said, server, clock, reflector, changes, problems, names: () => [...reflector.store.keys()].toSorted() };
}

async function waits(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => false), settled().then(() => true)]);
}

describe('a reflector of a resource that may not exist', () => {
  test('waits for discovery, and says why that does not answer', async () => {
    const { said, reflector, server } = begin();
    assert.ok(await waits(reflector.whenSynced()));
    assert.ok(!reflector.hasSynced);
    assert.equal(reflector.problem, undefined);
    said.problem = { code: 'Forbidden', message: 'no', since: 5 };
    assert.deepEqual(reflector.problem, { code: 'Forbidden', message: 'no', since: 5, verb: 'list' });
    assert.equal(reflector.availability, 'unknown');
    assert.deepEqual(server.asked, []);
  });

  test('asks nothing and misses nothing while it does not exist', async () => {
    const { said, reflector, server, clock, problems } = begin();
    await said.say(ABSENT);
    clock.advance(3_600_000);
    await settled();
    assert.ok(!(await waits(reflector.whenSynced())));
    assert.ok(reflector.hasSynced);
    assert.deepEqual([server.asked, problems, reflector.problem, clock.timers], [[], [], undefined, 0]);
  });

  test('begins by itself when it appears, in the version that is served', async () => {
    const { said, reflector, server, changes } = begin();
    await said.say(ABSENT);
    server.objects = [object('a')];
    await said.say(served('v1alpha1'));
    assert.deepEqual(server.asked, ['list v1alpha1', 'watch v1alpha1']);
    assert.deepEqual(changes, ['added web/a']);
    assert.equal(reflector.resource.version, 'v1alpha1');
    assert.ok(reflector.hasSynced);
  });

  test('is one reflector, whatever discovery repeats', async () => {
    const { said, server } = begin();
    for (let time = 0; time < 3; time += 1) await said.say(served());
    assert.deepEqual(server.asked, ['list v1', 'watch v1']);
  });

  test('hands everything out as deleted when it is gone, and asks no more', async () => {
    const { said, reflector, server, changes, names } = begin();
    server.objects = [object('a'), object('b')];
    await said.say(served());
    await said.say(ABSENT);
    assert.deepEqual(changes, ['added web/a', 'added web/b', 'deleted web/a', 'deleted web/b']);
    assert.deepEqual([names(), server.open, reflector.hasSynced, server.asked.length], [[], 0, true, 2]);
  });

  test('begins anew when it is there again', async () => {
    const { said, server, changes, names } = begin();
    server.objects = [object('a')];
    await said.say(served());
    await said.say(ABSENT);
    server.objects = [object('c')];
    await said.say(served());
    assert.deepEqual(names(), ['web/c']);
    assert.deepEqual(changes.slice(-1), ['added web/c']);
    server.emit({ type: 'ADDED', object: object('d', '11') });
    assert.deepEqual(names(), ['web/c', 'web/d']);
  });

  test('goes over to another version with what it has, and reports what is there as changed', async () => {
    const { said, server, changes, names } = begin();
    server.objects = [object('a'), object('b')];
    await said.say(served('v1alpha1'));
    changes.length = 0;
    server.objects = [object('a'), object('b', '2'), object('c')];
    await said.say(served('v1'));
    assert.deepEqual(changes, ['updated web/a', 'updated web/b', 'added web/c']);
    assert.deepEqual(names(), ['web/a', 'web/b', 'web/c']);
    assert.equal(server.open, 1);
    assert.deepEqual(server.asked.slice(-2), ['list v1', 'watch v1']);
  });

  test('takes a 404 for a reason to ask discovery, not for trouble', async () => {
    const { said, server, problems, names } = begin();
    server.objects = NOT_FOUND;
    await said.say(served());
    assert.equal(said.refreshed, 1);
    assert.deepEqual(problems, []);
    await said.say(ABSENT);
    assert.deepEqual([problems, names()], [[], []]);
  });

  test('that must not be listed says so once, and takes it back when there is nothing to list', async () => {
    const { said, server, clock, reflector, problems } = begin();
    server.objects = FORBIDDEN;
    await said.say(served());
    for (let time = 0; time < 5; time += 1) {
      clock.advance(60_000);
      await settled();
    }
    assert.ok(server.asked.length > 2);
    assert.deepEqual(problems, ['Forbidden']);
    assert.equal(reflector.problem?.code, 'Forbidden');
    await said.say(ABSENT);
    assert.deepEqual([problems, reflector.problem], [['Forbidden', undefined], undefined]);
  });

  test('is neither there nor absent while its server does not answer from the start', async () => {
    const { said, server, reflector, problems } = begin();
    await said.say(AWAY);
    assert.ok(await waits(reflector.whenSynced()));
    assert.deepEqual([reflector.hasSynced, reflector.problem?.code, reflector.availability], [false, 'Unavailable', 'unavailable']);
    await said.say(served());
    assert.ok(!(await waits(reflector.whenSynced())));
    assert.deepEqual(problems, ['Unavailable', undefined]);
    assert.deepEqual(server.asked, ['list v1', 'watch v1']);
  });

  test('keeps what it has when it is stopped, and starts nothing after that', async () => {
    const { said, server, reflector, names } = begin();
    server.objects = [object('a')];
    await said.say(served());
    await reflector.stop();
    assert.deepEqual([server.open, names()], [0, ['web/a']]);
    await said.say(ABSENT);
    await said.say(served());
    assert.deepEqual([server.asked.length, names()], [2, ['web/a']]);
    assert.throws(() => reflector.start(), /was started already/);
  });

  test('replays what is there to whoever comes later, and survives a handler that throws', async () => {
    const { said, server, reflector } = begin();
    server.objects = [object('a')];
    await said.say(served());
    const seen: string[] = [];
    reflector.subscribe(() => {
      throw new Error('a bug');
    });
    const end = reflector.subscribe((change) => seen.push(`${change.type} ${change.key}`));
    server.emit({ type: 'DELETED', object: object('a', '12') });
    end();
    server.emit({ type: 'ADDED', object: object('b', '13') });
    assert.deepEqual(seen, ['added web/a', 'deleted web/a']);
  });
});
