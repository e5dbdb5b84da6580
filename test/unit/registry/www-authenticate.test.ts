import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseChallenges, type Challenge } from '../../../src/registry/www-authenticate.ts';

const bearer = (parameters: Record<string, string>): Challenge => ({ scheme: 'bearer', parameters });
const HUB = { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:library/nginx:pull' };

const CASES: Record<string, readonly [string | undefined, readonly Challenge[]]> = {
  'no header, no challenge': [undefined, []],
  'an empty header has none': ['', []],
  'Docker Hub': ['Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"', [bearer(HUB)]],
  'blanks around commas and equal signs': ['Bearer realm = "https://auth.docker.io/token" , service="registry.docker.io" ,scope="repository:library/nginx:pull"', [bearer(HUB)]],
  'names of schemes and parameters in any case': ['bEaReR REALM="https://auth.docker.io/token",Service="registry.docker.io",sCope="repository:library/nginx:pull"', [bearer(HUB)]],
  'a comma inside of quotes belongs to the value': ['Bearer realm="https://r.example/t",scope="repository:a:pull,push"', [bearer({ realm: 'https://r.example/t', scope: 'repository:a:pull,push' })]],
  'escaped quotes': [String.raw`Basic realm="say \"who\""`, [{ scheme: 'basic', parameters: { realm: 'say "who"' } }]],
  'values without quotes': ['Bearer realm=https://r.example/token,service=r.example', [bearer({ realm: 'https://r.example/token', service: 'r.example' })]],
  'Basic': ['Basic realm="Registry Realm"', [{ scheme: 'basic', parameters: { realm: 'Registry Realm' } }]],
  'a scheme alone': ['Negotiate', [{ scheme: 'negotiate', parameters: {} }]],
  'two challenges in one header': ['Basic realm="a", Bearer realm="https://b.example",service="s"', [{ scheme: 'basic', parameters: { realm: 'a' } }, bearer({ realm: 'https://b.example', service: 's' })]],
  'a scheme with token68 data before another challenge': ['Negotiate YIIJvwYGKwYBBQ==, Basic realm="a"', [{ scheme: 'negotiate', parameters: {} }, { scheme: 'basic', parameters: { realm: 'a' } }]],
  'empty list elements': [', ,Basic realm="a",,', [{ scheme: 'basic', parameters: { realm: 'a' } }]],
  'two realms in one challenge: neither is taken': ['Bearer realm="https://good.example",realm="https://evil.example"', []],
  'an unclosed quote yields no realm': ['Bearer realm="https://r.example', [bearer({ realm: '' })]],
  'more than 8 KiB is not read': [`Bearer realm="${'x'.repeat(9000)}"`, []],
  'more than 16 parameters are not read': [`Bearer ${Array.from({ length: 17 }, (_, at) => `p${at}="v"`).join(',')}`, []],
  'what follows something malformed is not read': ['Bearer realm="a";junk, Basic realm="b"', [bearer({ realm: 'a' })]],
};

describe('WWW-Authenticate', () => {
  for (const [sentence, [header, expected]] of Object.entries(CASES)) {
    it(sentence, () => assert.deepEqual(parseChallenges(header), expected));
  }

  it('reads any text in bounded time and returns at most 8 challenges', () => {
    const text = fc.string({ unit: fc.constantFrom('B', 'a', '"', '\\', ',', '=', ' ', ';', 'é', '\t'), maxLength: 8192 });
    fc.assert(fc.property(text, (header) => parseChallenges(header).length <= 8), { numRuns: 300 });
  });

  it('gives back what was quoted, whatever it holds', () => {
    const value = fc.string({ unit: 'grapheme-ascii', maxLength: 100 });
    fc.assert(
      fc.property(value, (realm) => {
        const quoted = realm.replaceAll(/["\\]/g, String.raw`\$&`);
        assert.equal(parseChallenges(`Bearer realm="${quoted}",service="s"`)[0]?.parameters['realm'], realm);
      }),
    );
  });
});
