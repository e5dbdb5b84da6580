import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sourceOf } from '../../../src/app/sources.ts';
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
function started(problem?: Pick<Problem, 'code' | 'message'>) {
  const clock = new ManualClock();
  const reflector = new Reflected();
  reflector.problem = problem === undefined ? undefined : { ...problem, verb: 'list', since: clock.now() };
  const end = { how: 'waits' };
  const source = sourceOf(reflector, clock);
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
