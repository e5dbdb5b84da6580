import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureOf, isRegistrysOwn, ociErrorCode } from '../../../src/registry/failures.ts';
import type { RegistryErrorCode } from '../../../src/registry/types.ts';

const NOW = Date.parse('2026-01-15T10:00:00Z');
const SUBJECT = { repository: { host: 'reg.example', path: 'acme/web' }, what: 'tag "1.4"' };
const body = (code: string): Buffer => Buffer.from(JSON.stringify({ errors: [{ code, message: 'SECRET TEXT', detail: 'SECRET TEXT' }] }));

interface Case {
  readonly status: number;
  readonly code?: string;
  readonly headers?: Record<string, string>;
  readonly elsewhere?: string;
  readonly note?: string;
}

const CASES: Record<string, readonly [Case, RegistryErrorCode, string, number?]> = {
  'not found': [{ status: 404, code: 'MANIFEST_UNKNOWN' }, 'NotFound', 'the answer was 404 MANIFEST_UNKNOWN; check the name, and whether it was pushed'],
  'unauthorized': [{ status: 401, code: 'UNAUTHORIZED' }, 'Unauthorized', 'the answer was 401 UNAUTHORIZED; it is private or does not exist: give credentials that may pull it'],
  'forbidden, with why credentials were left out': [{ status: 403, code: 'DENIED', note: 'no credentials were given' }, 'Unauthorized', 'the answer was 403 DENIED; it is private or does not exist: give credentials that may pull it; no credentials were given'],
  'throttled, with the time to wait': [{ status: 429, code: 'TOOMANYREQUESTS', headers: { 'retry-after': '30' } }, 'Throttled', 'the answer was 429 TOOMANYREQUESTS, asking to wait 30 s; wait, or use credentials with a higher limit', 30_000],
  'throttled under another status': [{ status: 400, code: 'TOOMANYREQUESTS' }, 'Throttled', 'the answer was 400 TOOMANYREQUESTS; wait, or use credentials with a higher limit'],
  'throttled, not forbidden': [{ status: 403, code: 'TOOMANYREQUESTS' }, 'Throttled', 'the answer was 403 TOOMANYREQUESTS; wait, or use credentials with a higher limit'],
  'unavailable, with the time to wait': [{ status: 503, headers: { 'retry-after': '5' } }, 'Unavailable', 'the answer was 503, asking to wait 5 s', 5_000],
  'a refusal by a store is a fault of it': [{ status: 403, elsewhere: 'cdn.example' }, 'Unavailable', 'the answer was 403 from cdn.example, where the registry had sent us'],
  'a 400 is no answer': [{ status: 400, code: 'NAME_INVALID' }, 'Unavailable', 'the answer was 400 NAME_INVALID'],
  'a 204 is no answer': [{ status: 204 }, 'Unavailable', 'the answer was 204'],
  'a redirect that was not followed is no answer': [{ status: 304 }, 'Unavailable', 'the answer was 304'],
  'an unknown error code is not repeated': [{ status: 500, code: 'CALL_0800_EVIL' }, 'Unavailable', 'the answer was 500'],
};

describe('what an answer other than 200 means', () => {
  for (const [sentence, [{ status, code, headers = {}, ...rest }, expected, text, retryAfter]] of Object.entries(CASES)) {
    it(sentence, () => {
      const error = failureOf({ status, headers, bytes: code === undefined ? Buffer.from('SECRET TEXT') : body(code), ...rest }, SUBJECT, NOW);
      assert.equal(error.code, expected);
      assert.equal(error.message, `tag "1.4" of repository acme/web at registry reg.example: ${text}`);
      assert.equal(error.retryAfter, retryAfter);
    });
  }
});

describe('the error code of a body', () => {
  const NONE = ['', 'x', 'null', '[]', '{}', '{"errors":null}', '{"errors":[]}', '{"errors":[null]}', '{"errors":[{"code":5}]}', '{"errors":[{"code":"denied"}]}', '{"errors":[{"code":"<script>"}]}'];
  it('is none of these', () => assert.deepEqual(NONE.map((text) => ociErrorCode(Buffer.from(text))), NONE.map(() => undefined)));
  it('is the first', () => assert.equal(ociErrorCode(Buffer.from('{"errors":[{"code":"DENIED"},{"code":"UNKNOWN"}]}')), 'DENIED'));
});

describe('whether it was a registry that answered', () => {
  const HTML = Buffer.from('<html>404</html>');
  it('yes, with an error of the specification', () => assert.ok(isRegistrysOwn({ status: 404, headers: {}, bytes: body('NAME_UNKNOWN') })));
  it('yes, with the header of the API', () => assert.ok(isRegistrysOwn({ status: 404, headers: { 'docker-distribution-api-version': 'registry/2.0' }, bytes: HTML })));
  it('not known otherwise', () => assert.ok(!isRegistrysOwn({ status: 404, headers: {}, bytes: HTML })));
});
