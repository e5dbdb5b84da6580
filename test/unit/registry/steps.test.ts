import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AddressKind } from '../../../src/registry/address.ts';
import { endpointOf, isLocal, type HostRules } from '../../../src/registry/hosts.ts';
import { judgeStep } from '../../../src/registry/steps.ts';

const ENDPOINTS: Record<string, readonly [string, HostRules, Omit<ReturnType<typeof endpointOf>, 'host'>]> = {
  'a host that is not listed is spoken to by TLS': ['reg.example', {}, { authority: 'reg.example', schemes: ['https'], configured: false }],
  'Docker Hub is contacted at the host of its API': ['docker.io', {}, { authority: 'registry-1.docker.io', schemes: ['https'], configured: false }],
  'a host that is listed for http is spoken to by http alone': ['127.0.0.1:5000', { allowHttp: ['127.0.0.1:5000'] }, { authority: '127.0.0.1:5000', schemes: ['http'], configured: true }],
  'another port of it is not': ['127.0.0.1:5001', { allowHttp: ['127.0.0.1:5000'] }, { authority: '127.0.0.1:5001', schemes: ['https'], configured: false }],
  'a host that is listed as private is spoken to by TLS': ['127.0.0.1:5000', { allowPrivate: ['127.0.0.1:5000'] }, { authority: '127.0.0.1:5000', schemes: ['https'], configured: true }],
  'lists are read in any case': ['reg.example', { allowHttp: ['Reg.Example'] }, { authority: 'reg.example', schemes: ['http'], configured: true }],
  'the operator speaks no http to local hosts unasked': ['localhost:5000', {}, { authority: 'localhost:5000', schemes: ['https'], configured: false }],
  'the command line tries TLS, then http, where cosign does': ['localhost:5000', { unlisted: 'cosign' }, { authority: 'localhost:5000', schemes: ['https', 'http'], configured: true }],
  'the command line speaks TLS to the others': ['reg.example', { unlisted: 'cosign' }, { authority: 'reg.example', schemes: ['https'], configured: true }],
  'with --allow-http-registry http comes after TLS for all': ['reg.example', { unlisted: 'http' }, { authority: 'reg.example', schemes: ['https', 'http'], configured: true }],
};

describe('where and how a registry is contacted', () => {
  for (const [sentence, [host, rules, expected]] of Object.entries(ENDPOINTS)) {
    it(sentence, () => assert.deepEqual(endpointOf(host, rules), { host, ...expected }));
  }
});

const LOCAL = ['localhost:5000', 'a.localhost', 'a.localhost:80', '127.0.0.1', '127.0.0.1:5000', '[::1]', '[::1]:5000', '10.0.0.1', '172.16.3.4:5000', '192.168.0.9'];
const NOT_LOCAL = ['localhost', 'notlocalhost:5000', 'localhost.evil.example', '127.0.0.2', '172.32.0.1', '100.64.0.1', '198.18.0.1', 'reg.local', '[::2]', '127.0.0.1.evil.example', '10.example'];

describe('hosts that cosign speaks http to unasked', () => {
  it('are these', () => assert.deepEqual(LOCAL.filter((host) => !isLocal(host)), []));
  it('and not these', () => assert.deepEqual(NOT_LOCAL.filter(isLocal), []));
});

interface Case {
  readonly host?: string;
  readonly rules?: HostRules;
  readonly from?: string;
  readonly zone?: AddressKind | undefined;
  readonly to: string;
  readonly expect: 'configured' | 'private' | 'public' | RegExp;
}

const STEPS: Record<string, Case> = {
  'a public registry may send on to the Internet alone': { to: 'https://cdn.example/x', expect: 'public' },
  'from behind a proxy, where the address is unknown, it is the same': { zone: undefined, to: 'https://cdn.example/x', expect: 'public' },
  'a private registry may send on to its network': { zone: 'private', to: 'https://cdn.example/x', expect: 'private' },
  'to itself it may send as it was reached': { to: 'https://reg.example/y', expect: 'private' },
  'to a host that was listed, anybody may send': { rules: { allowPrivate: ['store.example'] }, to: 'https://store.example/y', expect: 'configured' },
  'no scheme but https': { to: 'ftp://reg.example/', expect: /neither https nor http/ },
  'no file': { to: 'file:///etc/passwd', expect: /neither https nor http/ },
  'no user name in the URL': { to: 'https://ann@reg.example/', expect: /user name/ },
  'no plain http': { to: 'http://reg.example/', expect: /plain http/ },
  'plain http to a host that was listed for it': { rules: { allowHttp: ['store.example'] }, to: 'http://store.example/', expect: 'configured' },
  'a listed http registry may send to itself': { host: '127.0.0.1:5000', rules: { allowHttp: ['127.0.0.1:5000'] }, from: 'http://127.0.0.1:5000/', zone: 'loopback', to: 'http://127.0.0.1:5000/y', expect: 'configured' },
  'a listed http registry may not send to another port by http': { host: '127.0.0.1:5000', rules: { allowHttp: ['127.0.0.1:5000'] }, from: 'http://127.0.0.1:5000/', zone: 'loopback', to: 'http://127.0.0.1:5001/', expect: /plain http/ },
  'a listed http registry may send to the network, not to loopback': { host: '127.0.0.1:5000', rules: { allowHttp: ['127.0.0.1:5000'] }, from: 'http://127.0.0.1:5000/', zone: 'loopback', to: 'https://127.0.0.1:5001/', expect: 'private' },
  'on the command line a local registry may send to another local port': { host: '127.0.0.1:5000', rules: { unlisted: 'cosign' }, from: 'http://127.0.0.1:5000/', zone: 'loopback', to: 'http://127.0.0.1:5001/', expect: 'configured' },
  'on the command line a public registry may not send to a local port': { rules: { unlisted: 'cosign' }, to: 'https://127.0.0.1:5001/', expect: 'public' },
  'on the command line a public registry may not send to local http': { rules: { unlisted: 'cosign' }, to: 'http://127.0.0.1:5001/', expect: /plain http/ },
  'with --allow-http-registry an http registry may send on by http': { rules: { unlisted: 'http' }, from: 'http://reg.example/', to: 'http://cdn.example/', expect: 'public' },
  'with --allow-http-registry a TLS registry may not': { rules: { unlisted: 'http' }, to: 'http://cdn.example/', expect: /plain http/ },
};

describe('where a registry may send us', () => {
  for (const [sentence, { host = 'reg.example', rules = {}, from = 'https://reg.example/x', to, expect, ...rest }] of Object.entries(STEPS)) {
    it(sentence, () => {
      const zone = 'zone' in rest ? rest.zone : 'public';
      const step = judgeStep(endpointOf(host, rules), { url: new URL(from), zone }, new URL(to), rules);
      if (expect instanceof RegExp) assert.match('refused' in step ? step.refused : '', expect);
      else assert.deepEqual(step, { reach: expect });
    });
  }
});
