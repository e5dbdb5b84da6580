import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpointOf } from '../../../src/registry/hosts.ts';
import { judgeRealm, registrableDomain } from '../../../src/registry/realm.ts';

interface Case {
  readonly host: string;
  readonly realm: string;
  readonly http?: boolean;
  readonly insecure?: boolean;
  readonly configured?: readonly string[];
}

const GIVEN: Record<string, Case> = {
  'to the registry itself': { host: 'reg.acme.example', realm: 'https://reg.acme.example/token' },
  'to another port of the registry\'s host, by https': { host: 'reg.acme.example', realm: 'https://reg.acme.example:5001/token' },
  'to the registry itself by http where it was allowed http': { host: '127.0.0.1:5000', http: true, realm: 'http://127.0.0.1:5000/token' },
  'to https at the host of a registry that was allowed http': { host: '127.0.0.1:5000', http: true, realm: 'https://127.0.0.1:5001/token' },
  'to a host of the same domain': { host: 'registry.acme.example', realm: 'https://auth.acme.example/token' },
  'to the parent of the registry\'s host': { host: 'registry.gitlab.com', realm: 'https://gitlab.com/jwt/auth' },
  'to a host of the same domain under a country\'s second level': { host: 'registry.acme.co.uk', realm: 'https://auth.acme.co.uk/token' },
  'from Docker Hub to its token endpoint': { host: 'docker.io', realm: 'https://auth.docker.io/token' },
  'to a host that was configured': { host: 'reg.acme.example', realm: 'https://login.other.example:8443/token', configured: ['login.other.example:8443'] },
};

const KEPT: Record<string, readonly [Case, RegExp]> = {
  'from a host of another domain': [{ host: 'reg.acme.example', realm: 'https://evil.example/token' }, /evil\.example is of another domain/],
  'from a host that only begins the same': [{ host: 'reg.acme.example', realm: 'https://reg.acme.example.evil.test/token' }, /of another domain/],
  'from a host that only ends the same': [{ host: 'reg.acme.example', realm: 'https://evilacme.example/token' }, /of another domain/],
  'from http': [{ host: 'reg.acme.example', realm: 'http://reg.acme.example/token' }, /not https/],
  'from another port by http': [{ host: '127.0.0.1:5000', http: true, realm: 'http://127.0.0.1:5001/token' }, /not https/],
  'from another host that was named over plain http': [{ host: 'reg.acme.example', http: true, realm: 'https://auth.acme.example/token' }, /not verified/],
  'from another host that was named over TLS that was not verified': [{ host: 'reg.acme.example', insecure: true, realm: 'https://auth.acme.example/token' }, /not verified/],
  'from another customer of a shared domain': [{ host: 'good.azurecr.io', realm: 'https://evil.azurecr.io/token' }, /of another domain/],
  'from another customer below a shared domain': [{ host: '1.dkr.ecr.eu-west-1.amazonaws.com', realm: 'https://2.dkr.ecr.eu-west-1.amazonaws.com/token' }, /of another domain/],
  'from a neighbour under a country\'s second level': [{ host: 'acme.co.uk', realm: 'https://evil.co.uk/token' }, /of another domain/],
  'from another address of the same network': [{ host: '10.0.0.5:5000', realm: 'https://10.0.0.6:5000/token' }, /of another domain/],
  'from Docker Hub\'s token endpoint named by somebody else': [{ host: 'evil.example', realm: 'https://auth.docker.io/token' }, /of another domain/],
};

function judge({ host, realm, http = false, insecure = false, configured = [] }: Case) {
  const endpoint = endpointOf(host, http ? { allowHttp: [host] } : {});
  const origin = new URL(`${http ? 'http' : 'https'}://${endpoint.authority}`);
  return judgeRealm({ endpoint, origin, verified: !http && !insecure, realm: new URL(realm), configured });
}

describe('credentials and token endpoints', () => {
  for (const [sentence, one] of Object.entries(GIVEN)) {
    it(`credentials go ${sentence}`, async () => assert.deepEqual(await judge(one), { credentials: true }));
  }
  for (const [sentence, [one, because]] of Object.entries(KEPT)) {
    it(`credentials are kept ${sentence}`, async () => {
      const verdict = await judge(one);
      assert.equal(verdict.credentials, false);
      assert.match('because' in verdict ? verdict.because : '', because);
    });
  }
});

const DOMAINS: Record<string, string> = {
  'auth.acme.example': 'acme.example',
  'acme.example': 'acme.example',
  'a.b.acme.com.br': 'acme.com.br',
  'com.br': 'com.br',
  localhost: 'localhost',
  '10.0.0.1': '10.0.0.1',
  '[::1]': '[::1]',
  'team.github.io': 'team.github.io',
  'reg.team.svc.cluster.local': 'reg.team.svc.cluster.local',
};

describe('the registrable domain', () => {
  for (const [host, domain] of Object.entries(DOMAINS)) it(`of ${host} is ${domain}`, async () => assert.equal(await registrableDomain(host), domain));
});
