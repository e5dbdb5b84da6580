import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApiError } from '../../../src/kube/api-error.ts';
import { afterWatchFailure, explainFailure, failureCode, isOlder, waitAfterFailure } from '../../../src/kube/recovery.ts';
import type { FailureCode } from '../../../src/kube/recovery.ts';

const BACKOFF = { base: 1000, factor: 2, max: 8000 };
const most = (): number => 1;

describe('after a watch failed', () => {
  const table: Readonly<Record<string, readonly [FailureCode, string | undefined, 'relist' | 'resume']>> = {
    'with a version that is too old, a list comes first': ['Gone', undefined, 'relist'],
    'because its kind is gone, a list comes first': ['NotFound', undefined, 'relist'],
    'by an error of ours, a list comes first': ['Unexpected', undefined, 'relist'],
    'because the connection broke, it goes on where it was': ['Unreachable', undefined, 'resume'],
    'because the server had an error, it goes on where it was': ['ServerError', undefined, 'resume'],
    'because it is forbidden, it goes on where it was': ['Forbidden', undefined, 'resume'],
    'at a frame that cannot be read, it goes on where it was': ['BadResponse', undefined, 'resume'],
    'at a frame that cannot be read, elsewhere than before, it goes on where it was': ['BadResponse', '6', 'resume'],
    'at a frame that cannot be read, for the second time there, a list comes first': ['BadResponse', '7', 'relist'],
    'at an event that is too large, for the second time there, a list comes first': ['TooLarge', '7', 'relist'],
  };
  for (const [name, [code, unreadableAt, next]] of Object.entries(table)) {
    it(name, () => assert.equal(afterWatchFailure(code, { version: '7', unreadableAt }), next));
  }
});

describe('the wait after a failure', () => {
  const table: Readonly<Record<string, readonly [unknown, number, number]>> = {
    'doubles': [new ApiError('ServerError', ''), 2, 4000],
    'is bounded': [new ApiError('ServerError', ''), 40, 8000],
    'is none for the first that is too old': [new ApiError('Gone', ''), 0, 0],
    'is there for the second that is too old': [new ApiError('Gone', ''), 1, 2000],
    'is as long as the server asks': [new ApiError('TooManyRequests', '', { retryAfter: 20_000 }), 0, 20_000],
    'is never an hour, whatever the server asks': [new ApiError('TooManyRequests', '', { retryAfter: 3_600_000 }), 0, 60_000],
    'is there for an error of ours': [new TypeError('oops'), 0, 1000],
  };
  for (const [name, [thrown, attempt, wait]] of Object.entries(table)) {
    it(name, () => assert.equal(waitAfterFailure(thrown, attempt, BACKOFF, most), wait));
  }
});

describe('a resource version', () => {
  const table: Readonly<Record<string, readonly [string, string | undefined, boolean]>> = {
    'that is lower is older': ['9', '10', true],
    'that is equal is not older': ['10', '10', false],
    'that is higher is not older': ['11', '10', false],
    'of more digits than a number holds is compared': ['18446744073709551614', '18446744073709551615', true],
    'that is no number is never older': ['a9', '10', false],
    'is never older than none': ['1', undefined, false],
  };
  for (const [name, [version, than, older]] of Object.entries(table)) it(name, () => assert.equal(isOlder(version, than), older));
});

describe('a failure is explained', () => {
  const things = { group: 'assay.dev', version: 'v1alpha1', plural: 'imageverifications', kind: 'ImageVerification', namespaced: true };
  it('as a missing CRD when the kind is not there', () => {
    assert.equal(
      explainFailure(new ApiError('NotFound', '404 page not found'), things),
      'the API server has no imageverifications.assay.dev in assay.dev/v1alpha1: install its CustomResourceDefinition',
    );
  });
  it('in its own words otherwise, and whatever was thrown has a code', () => {
    assert.equal(explainFailure(new ApiError('Forbidden', 'you may not'), things), 'you may not');
    assert.equal(failureCode('a string'), 'Unexpected');
  });
});
