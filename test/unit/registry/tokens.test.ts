import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { identityRequest, passwordRequest, scopesOf, tokenOf } from '../../../src/registry/tokens.ts';

const ANSWERS: Record<string, readonly [string, ReturnType<typeof tokenOf>]> = {
  'token': ['{"token":"abc","expires_in":300}', { value: 'abc', lifetime: 300_000 }],
  'access_token': ['{"access_token":"abc","expires_in":300}', { value: 'abc', lifetime: 300_000 }],
  'token before access_token': ['{"token":"abc","access_token":"def"}', { value: 'abc', lifetime: 60_000 }],
  'an empty token beside an access_token': ['{"token":"","access_token":"def"}', { value: 'def', lifetime: 60_000 }],
  'without expires_in it lives for the 60 s of the specification': ['{"token":"abc"}', { value: 'abc', lifetime: 60_000 }],
  'a lifetime that is no number is the default': ['{"token":"abc","expires_in":"300"}', { value: 'abc', lifetime: 60_000 }],
  'a negative lifetime is the default': ['{"token":"abc","expires_in":-1}', { value: 'abc', lifetime: 60_000 }],
  'a lifetime is an hour at most': ['{"token":"abc","expires_in":1e9}', { value: 'abc', lifetime: 3_600_000 }],
  'no token': ['{}', undefined],
  'a token that is no string': ['{"token":5}', undefined],
  'a token with a line break': [String.raw`{"token":"a\r\nHost: evil"}`, undefined],
  'a token of 33 KiB': [JSON.stringify({ token: 'x'.repeat(33 * 1024) }), undefined],
  'no JSON': ['<html>', undefined],
  'null': ['null', undefined],
};

describe('the answer of a token endpoint', () => {
  for (const [sentence, [text, expected]] of Object.entries(ANSWERS)) {
    it(sentence, () => assert.deepEqual(tokenOf({ bytes: Buffer.from(text) }), expected));
  }
});

describe('the request to a token endpoint', () => {
  const demand = { realm: new URL('https://auth.example/token?tenant=1#x'), service: 'reg.example', scopes: ['repository:a/b:pull', 'aws'] };

  it('without credentials has none', () => {
    const { method, url, headers } = passwordRequest(demand);
    assert.deepEqual([method, url.href, headers], ['GET', 'https://auth.example/token?tenant=1&service=reg.example&scope=repository%3Aa%2Fb%3Apull&scope=aws', {}]);
  });
  it('with a password has it in a header, not in the URL', () => {
    const { method, url, headers } = passwordRequest(demand, { username: 'ann', password: 'päss' });
    assert.equal(method, 'GET');
    assert.equal(url.searchParams.get('account'), 'ann');
    assert.ok(!url.href.includes('p%C3%A4ss'));
    assert.deepEqual(headers, { authorization: `Basic ${Buffer.from('ann:päss').toString('base64')}` });
  });
  it('with an identity token is a POST whose body has it', () => {
    const { method, url, body } = identityRequest(demand, 're&fresh');
    assert.deepEqual([method, url.href], ['POST', 'https://auth.example/token?tenant=1']);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(body)), { grant_type: 'refresh_token', client_id: 'assay', refresh_token: 're&fresh', service: 'reg.example', scope: 'repository:a/b:pull aws' });
  });
});

const SCOPES: Record<string, readonly [string | undefined, readonly string[]]> = {
  'pull from this repository': [undefined, ['repository:a/b:pull']],
  'the registry cannot widen it to push': ['repository:a/b:pull,push', ['repository:a/b:pull']],
  'nor to another repository': ['repository:other:pull', ['repository:a/b:pull']],
  'nor to the catalogue': ['registry:catalog:*', ['repository:a/b:pull']],
  'a plain word is added, as public.ecr.aws wants': ['aws', ['repository:a/b:pull', 'aws']],
  'at most four words are looked at': ['a b c d e', ['repository:a/b:pull', 'a', 'b', 'c', 'd']],
};

describe('the scope of a token', () => {
  for (const [sentence, [challenged, expected]] of Object.entries(SCOPES)) it(sentence, () => assert.deepEqual(scopesOf('a/b', challenged), expected));
});
