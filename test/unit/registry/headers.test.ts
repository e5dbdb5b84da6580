import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { header, mediaTypeOf, nextLinkOf, retryAfterOf } from '../../../src/registry/headers.ts';

const NOW = Date.parse('2026-01-15T10:00:00Z');

const RETRY_AFTER: Record<string, readonly [string | undefined, number | undefined]> = {
  'absent': [undefined, undefined],
  'seconds': ['30', 30_000],
  'zero': ['0', 0],
  'at most a day': ['9999999999', 86_400_000],
  'a date ahead': ['Thu, 15 Jan 2026 10:00:45 GMT', 45_000],
  'a date in the past is now': ['Thu, 15 Jan 2026 09:00:00 GMT', 0],
  'a date far ahead is a day': ['Fri, 15 Jan 2027 10:00:00 GMT', 86_400_000],
  'negative seconds are malformed': ['-5', undefined],
  'fractions are malformed': ['1.5', undefined],
  'a date of another form is malformed': ['2026-01-15T10:00:45Z', undefined],
  'words are malformed': ['soon', undefined],
  'nothing': ['', undefined],
  'two values are malformed': ['1, 2', undefined],
};

describe('Retry-After', () => {
  for (const [sentence, [value, expected]] of Object.entries(RETRY_AFTER)) {
    it(sentence, () => assert.equal(retryAfterOf(value, NOW), expected));
  }
});

const LINKS: Record<string, readonly [string | undefined, string | undefined]> = {
  'absent': [undefined, undefined],
  'a relative target': ['</v2/a/referrers/sha256:1?last=x>; rel="next"', '/v2/a/referrers/sha256:1?last=x'],
  'an absolute target': ['<https://r.example/v2/a?n=1>;rel=next', 'https://r.example/v2/a?n=1'],
  'next among others': ['</a>; rel="prev", </b>; rel="next"', '/b'],
  'several relations in one': ['</a>; rel="last next"', '/a'],
  'relations in any case': ['</a>; REL="NEXT"', '/a'],
  'other parameters before it': ['</a>; title="x, y"; rel="next"', '/a'],
  'another relation is not next': ['</a>; rel="nextish"', undefined],
  'no relation': ['</a>', undefined],
  'a comma in the target': ['</a?x=1,2>; rel="next"', '/a?x=1,2'],
  'too long': [`</${'a'.repeat(9000)}>; rel="next"`, undefined],
};

describe('Link', () => {
  for (const [sentence, [value, expected]] of Object.entries(LINKS)) {
    it(sentence, () => assert.equal(nextLinkOf(value), expected));
  }
});

describe('headers', () => {
  it('fields of one name are joined, so that two digests are no digest', () => {
    assert.equal(header({ 'docker-content-digest': ['sha256:a', 'sha256:b'] }, 'docker-content-digest'), 'sha256:a, sha256:b');
  });
  it('a media type loses its parameters and its case', () => {
    assert.equal(mediaTypeOf({ 'content-type': 'Application/JSON; charset=utf-8' }), 'application/json');
    assert.equal(mediaTypeOf({}), '');
  });
});
