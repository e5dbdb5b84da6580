import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorFromStatus, isAlreadyExists, isConflict, isForbidden, isGone, isInvalid, isNotFound, isPatchRefused, retryAfterOf } from '../../../src/kube/api-error.ts';
import type { ApiErrorCode, StatusBody } from '../../../src/kube/api-error.ts';

const CODES: Readonly<Record<string, readonly [number, StatusBody, ApiErrorCode]>> = {
  '400': [400, {}, 'BadRequest'],
  '401': [401, {}, 'Unauthorized'],
  '403': [403, {}, 'Forbidden'],
  '404': [404, {}, 'NotFound'],
  '409 of a create': [409, { reason: 'AlreadyExists' }, 'AlreadyExists'],
  '409 of a write': [409, { reason: 'Conflict' }, 'Conflict'],
  '410': [410, { reason: 'Expired' }, 'Gone'],
  '413': [413, {}, 'TooLarge'],
  '415, which no table names': [415, {}, 'BadRequest'],
  '422': [422, {}, 'Invalid'],
  '429': [429, {}, 'TooManyRequests'],
  '500': [500, {}, 'ServerError'],
  '502, which no table names': [502, {}, 'ServerError'],
  '503': [503, {}, 'Unavailable'],
  '504': [504, {}, 'Timeout'],
};

describe('the code of a status', () => {
  for (const [name, [status, body, code]] of Object.entries(CODES)) it(name, () => assert.equal(errorFromStatus('get x', status, body).code, code));
});

describe('an error of the API server', () => {
  it('says what was tried and what the server said, in one line', () => {
    const error = errorFromStatus('patch deployments.apps "web/api"', 422, { message: 'spec.replicas:\n  Invalid value' });
    assert.equal(error.message, 'patch deployments.apps "web/api": spec.replicas: Invalid value');
  });

  it('survives a body that is not what the API promises', () => {
    const body = { message: 7, reason: {}, details: { causes: 'many', retryAfterSeconds: '9' } } as unknown as StatusBody;
    const error = errorFromStatus('get x', 503, body);
    assert.deepEqual([error.message, error.reason, error.causes, error.retryAfter], ['get x: HTTP status 503', '', [], undefined]);
  });

  it('prefers the header to the body for how long to wait', () => {
    const body = { details: { retryAfterSeconds: 9 } };
    assert.equal(errorFromStatus('get x', 429, body, 2000).retryAfter, 2000);
    assert.equal(errorFromStatus('get x', 429, body).retryAfter, 9000);
  });

  it('is told apart by predicates, which hold for nothing else', () => {
    const predicates = { isNotFound, isConflict, isAlreadyExists, isGone, isInvalid, isForbidden, isPatchRefused };
    const holding = (thrown: unknown): string => Object.entries(predicates).filter(([, holds]) => holds(thrown)).map(([name]) => name).join();
    assert.equal(holding(errorFromStatus('', 404, {})), 'isNotFound');
    assert.equal(holding(errorFromStatus('', 409, { reason: 'Conflict' })), 'isConflict');
    assert.equal(holding(errorFromStatus('', 409, { reason: 'AlreadyExists' })), 'isAlreadyExists');
    assert.equal(holding(errorFromStatus('', 410, {})), 'isGone');
    assert.equal(holding(errorFromStatus('', 403, {})), 'isForbidden');
    assert.equal(holding(errorFromStatus('', 422, { details: { causes: [{ field: 'spec' }] } })), 'isInvalid');
    assert.equal(holding(errorFromStatus('', 422, {})), 'isPatchRefused');
    assert.equal(holding(new Error('NotFound')), '');
    assert.equal(holding(undefined), '');
  });
});

const WAITS: Readonly<Record<string, readonly [string | string[] | undefined, number | undefined]>> = {
  'seconds': ['3', 3000],
  'a date': ['Thu, 01 Jan 1970 00:00:05 GMT', 4000],
  'a date that is past': ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  'nonsense': ['soon', undefined],
  'a negative number': ['-3', undefined],
  'the first of several': [['2', '9'], 2000],
  'nothing': [undefined, undefined],
};

describe('Retry-After of', () => {
  for (const [name, [header, wait]] of Object.entries(WAITS)) it(name, () => assert.equal(retryAfterOf(header, 1000), wait));
});
