import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { discoverySource, optionalSourceOf, sourceOf } from '../../../src/app/sources.ts';
import type { Reflector } from '../../../src/kube/reflector.ts';
import type { Stored } from '../../../src/kube/store.ts';
import { ManualClock, settled } from '../../support/manual-clock.ts';

type Watched = Parameters<typeof sourceOf>[0];
type Problem = NonNullable<Reflector<Stored>['problem']>;

const NEVER = new AbortController().signal;

/** A reflector that is in the state which a test gives it. */
class Reflected implements Watched {
  readonly resource = { group: 'assay.dev', version: 'v1alpha1', plural: 'imageverifications', kind: 'ImageVerification', namespaced: true };
  readonly whenSynced: Watched['whenSynced'];
  hasSynced = false;
  problem: Problem | undefined;
  readonly synced = Promise.withResolvers<undefined>();

  constructor() {
    this.whenSynced = () => this.synced.promise;
  }

  start(): void {
    this.hasSynced = false;
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}

/** How a start ends, and a way to let time pass. */
function started(problem?: Pick<Problem, 'code' | 'message'>, of = sourceOf) {
  const clock = new ManualClock();
  const reflector = new Reflected();
  reflector.problem = problem === undefined ? undefined : { ...problem, verb: 'list', since: clock.now() };
  const end = { how: 'waits' };
  const source = of(reflector, clock);
  source.synced(NEVER).then(
    () => (end.how = 'synced'),
    (error: unknown) => (end.how = (error as Error).message),
  );
  const pass = async (milliseconds: number): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= 250) {
      await settled();
      clock.advance(Math.min(250, left));
    }
    await settled();
  };
  return { reflector, end, pass, clock };
}

describe('the start of a source', () => {
  for (const code of ['Forbidden', 'NotFound', 'Unauthorized'] as const) {
    test(`${code}, which an API server that has just started says too, is doubted for five seconds and then ends it with its sentence`, async () => {
      const { end, pass } = started({ code, message: `no: ${code}` });
      await pass(4_500);
      assert.equal(end.how, 'waits');
      await pass(1_000);
      assert.equal(end.how, `no: ${code}`);
    });
  }

  test('a refusal that passes ends nothing', async () => {
    const { reflector, end, pass } = started({ code: 'Forbidden', message: 'no' });
    await pass(3_000);
    reflector.problem = undefined;
    await pass(10_000);
    assert.equal(end.how, 'waits');
    reflector.synced.resolve(undefined);
    await settled();
    assert.equal(end.how, 'synced');
  });

  test('credentials that are not there do not come by waiting', async () => {
    const { end, pass } = started({ code: 'NoCredentials', message: 'no token' });
    await pass(250);
    assert.equal(end.how, 'no token');
  });

  test('an API server that is away is waited for', async () => {
    const { end, pass } = started({ code: 'Unavailable', message: 'connect ECONNREFUSED' });
    await pass(60_000);
    assert.equal(end.how, 'waits');
  });
});

describe('the start of a source of what need not be there', () => {
  for (const code of ['Forbidden', 'NotFound', 'Unavailable', 'ServerError', 'BadResponse'] as const) {
    test(`${code} is doubted for five seconds, and then the start goes on without`, async () => {
      const { end, pass } = started({ code, message: 'no' }, optionalSourceOf);
      await pass(4_500);
      assert.equal(end.how, 'waits');
      await pass(1_000);
      assert.equal(end.how, 'synced');
    });
  }

  for (const code of ['Unreachable', 'Timeout', 'TooManyRequests', 'NoCredentials'] as const) {
    test(`${code}, which everything else suffers from too, is waited for`, async () => {
      const { end, pass } = started({ code, message: 'away' }, optionalSourceOf);
      await pass(60_000);
      assert.equal(end.how, 'waits');
    });
  }

  test('without trouble, its first list is waited for', async () => {
    const { reflector, end, pass } = started(undefined, optionalSourceOf);
    await pass(60_000);
    assert.equal(end.how, 'waits');
    reflector.synced.resolve(undefined);
    await settled();
    assert.equal(end.how, 'synced');
  });

  test('discovery is started with the others and waited for by nobody but them', async () => {
    const calls: string[] = [];
    const source = discoverySource({ start: () => calls.push('start'), stop: () => Promise.resolve(void calls.push('stop')) });
    await source.start(NEVER);
    await source.synced(NEVER);
    await source.stop(0);
    assert.deepEqual([calls, source.hasSynced()], [['start', 'stop'], true]);
  });
});
