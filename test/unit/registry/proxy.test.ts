import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Proxies } from '../../../src/registry/proxy.ts';

interface Row {
  readonly url?: string;
  readonly https?: string;
  readonly none?: string;
  /** The proxy, `no` for none, or a part of what is wrong. */
  readonly by: string;
}

const SECURE = 'http://proxy.test:3128/';

const ROWS: Record<string, Row> = {
  'https by the proxy for https': { by: SECURE },
  'http by the proxy for http': { url: 'http://ghcr.test/v2/', by: 'http://plain.test:3129/' },
  'a proxy without a scheme is spoken to by http': { https: 'proxy.test:3128', by: SECURE },
  'this machine: never (localhost)': { url: 'https://localhost:5000/', by: 'no' },
  'this machine: never (127.0.0.1)': { url: 'https://127.0.0.1:5000/', by: 'no' },
  'this machine: never (::1)': { url: 'https://[::1]:5000/', by: 'no' },
  'an exception by name': { none: 'ghcr.test', by: 'no' },
  'an exception by name, among others and in capitals': { none: 'a.test, GHCR.TEST ,b.test', by: 'no' },
  'an exception counts for all names below it': { url: 'https://a.b.ghcr.test/', none: 'ghcr.test', by: 'no' },
  'one that begins with a dot counts below it alone': { none: '.ghcr.test', by: SECURE },
  'one that begins with a dot': { url: 'https://a.ghcr.test/', none: '.ghcr.test', by: 'no' },
  'one that begins with a star': { url: 'https://a.ghcr.test/', none: '*.ghcr.test', by: 'no' },
  'another name with the same end is none': { url: 'https://notghcr.test/', none: 'ghcr.test', by: SECURE },
  'everything': { none: '*', by: 'no' },
  'an exception for another port': { none: 'ghcr.test:5000', by: SECURE },
  'an exception for the port': { url: 'https://ghcr.test:5000/', none: 'ghcr.test:5000', by: 'no' },
  'an exception for the port that https has': { none: 'ghcr.test:443', by: 'no' },
  'an exception by address': { url: 'https://10.1.2.3:5000/', none: '10.1.2.3', by: 'no' },
  'an exception by network': { url: 'https://10.1.2.3:5000/', none: '10.0.0.0/8', by: 'no' },
  'another network': { url: 'https://11.1.2.3:5000/', none: '10.0.0.0/8', by: SECURE },
  'an exception by IPv6 network': { url: 'https://[fd00::1]:5000/', none: 'fd00::/8', by: 'no' },
  'an exception by IPv6 address': { url: 'https://[fd00::1]:5000/', none: 'fd00::1', by: 'no' },
  'an exception by IPv6 address and port': { url: 'https://[fd00::1]:5000/', none: '[fd00::1]:5000', by: 'no' },
  'an end of an address is none': { url: 'https://10.1.2.3/', none: '2.3', by: SECURE },
  'a network that is none, and emptiness': { none: '10.0.0.0/99,,garbage/8, ', by: SECURE },
  'no proxy': { https: '', by: 'no' },
  'SOCKS is told, and not gone around': { https: 'socks5://user:secret@proxy.test:1080', by: 'HTTPS_PROXY is not the http or https URL of a proxy' },
  'nonsense is told without repeating it': { https: 'http://user:secret@', by: 'HTTPS_PROXY is not the http or https URL of a proxy' },
};

describe('by which proxy a URL is asked', () => {
  for (const [sentence, { url = 'https://ghcr.test/v2/', https = SECURE, none = '', by }] of Object.entries(ROWS)) {
    it(sentence, () => {
      const proxy = new Proxies({ HTTPS_PROXY: https, HTTP_PROXY: 'http://plain.test:3129', NO_PROXY: none }).of(new URL(url));
      assert.equal(proxy === undefined ? 'no' : 'url' in proxy ? proxy.url.href : proxy.problem, by);
    });
  }
  it('names in small letters count where those in capitals are missing', () => {
    const proxies = new Proxies({ https_proxy: SECURE, no_proxy: 'a.test' });
    assert.deepEqual(proxies.of(new URL('https://b.test/')), { url: new URL(SECURE) });
    assert.equal(proxies.of(new URL('https://a.test/')), undefined);
  });
});
