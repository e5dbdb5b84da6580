import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { KubeConfigError, loadKubeConfig } from '../../../src/kube/kubeconfig.ts';
import type { KubeConfigErrorCode, KubeConfigOptions } from '../../../src/kube/kubeconfig.ts';

const directory = mkdtempSync(join(tmpdir(), 'assay-kubeconfig-'));
after(() => rmSync(directory, { recursive: true }));

interface Parts {
  readonly cluster?: Record<string, unknown>;
  readonly user?: Record<string, unknown>;
  readonly context?: Record<string, unknown>;
  readonly current?: string;
}

let files = 0;

function file(text: string): string {
  files += 1;
  const path = join(directory, `config-${files}`);
  writeFileSync(path, text);
  return path;
}

/** A good kubeconfig but for `parts`. */
function kubeconfig({ cluster = {}, user = {}, context = {}, current = 'main' }: Parts = {}): string {
  return file(
    JSON.stringify({
      clusters: [{ name: 'one', cluster: { server: 'https://api.example:6443/prefix/', ...cluster } }],
      users: [{ name: 'me', user: { token: 'secret-token', ...user } }],
      contexts: [{ name: 'main', context: { cluster: 'one', user: 'me', ...context } }],
      'current-context': current,
    }),
  );
}

interface Bad {
  readonly options: () => KubeConfigOptions;
  readonly code: KubeConfigErrorCode;
  readonly says: RegExp;
}

const BAD: Readonly<Record<string, Bad>> = {
  'nothing at all': { options: () => ({}), code: 'NoCluster', says: /^no cluster is configured: pass --kubeconfig, set KUBECONFIG, or run inside of a cluster/ },
  'a file that is not there': {
    options: () => ({ kubeconfig: join(directory, 'nowhere') }),
    code: 'Unreadable',
    says: /kubeconfig \S+nowhere cannot be read \(ENOENT.*\): pass --kubeconfig or set KUBECONFIG to a file that exists$/,
  },
  'a directory': { options: () => ({ kubeconfig: directory }), code: 'Unreadable', says: /EISDIR/ },
  'broken YAML': { options: () => ({ kubeconfig: file('clusters: [\n  {token: secret-token') }), code: 'Malformed', says: /is not a kubeconfig: .* in line 2; correct the file/ },
  'an empty file': { options: () => ({ kubeconfig: file('') }), code: 'Malformed', says: /is not a kubeconfig/ },
  'a cluster without a server': { options: () => ({ kubeconfig: kubeconfig({ cluster: { server: undefined } }) }), code: 'Malformed', says: /clusters\[0\]\.cluster\.server is missing/ },
  'no current context': { options: () => ({ kubeconfig: kubeconfig({ current: '' }) }), code: 'NoContext', says: /has no current-context: choose one with --context \(it defines main\)$/ },
  'an unknown context': {
    options: () => ({ kubeconfig: kubeconfig(), context: 'other' }),
    code: 'NoContext',
    says: /has no context "other": choose one with --context \(it defines main\)$/,
  },
  'a context with an unknown cluster': {
    options: () => ({ kubeconfig: kubeconfig({ context: { cluster: 'two' } }) }),
    code: 'Incomplete',
    says: /context "main" names the cluster "two", which it does not define/,
  },
  'a context with an unknown user': { options: () => ({ kubeconfig: kubeconfig({ context: { user: 'you' } }) }), code: 'Incomplete', says: /names the user "you", which it does not define/ },
  'a context without a user': { options: () => ({ kubeconfig: kubeconfig({ context: { user: undefined } }) }), code: 'Incomplete', says: /context "main" names no user/ },
  'a server that is no URL': { options: () => ({ kubeconfig: kubeconfig({ cluster: { server: 'api.example' } }) }), code: 'Incomplete', says: /"api\.example" of the cluster "one" is not a URL/ },
  'plain http': { options: () => ({ kubeconfig: kubeconfig({ cluster: { server: 'http://api.example' } }) }), code: 'Unsupported', says: /is not https; use an https URL/ },
  'a SOCKS proxy': { options: () => ({ kubeconfig: kubeconfig({ cluster: { 'proxy-url': 'socks5://localhost:1' } }) }), code: 'Unsupported', says: /proxy-url of the cluster "one" is not an http or https URL/ },
  'a pod without a service account': {
    options: () => ({ inCluster: { host: '10.0.0.1', port: '443', root: directory } }),
    code: 'Unreadable',
    says: /^the pod's service account cannot be read \(ENOENT.*set automountServiceAccountToken, or pass --kubeconfig$/,
  },
};

describe('a configuration that cannot be used is one clear sentence', () => {
  for (const [name, { options, code, says }] of Object.entries(BAD)) {
    it(name, () => {
      assert.throws(
        () => loadKubeConfig(options()),
        (error: unknown) => {
          assert.ok(error instanceof KubeConfigError);
          assert.equal(error.code, code);
          assert.match(error.message, says);
          assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /secret-token|\n/, 'no part of the file, one line');
          return true;
        },
      );
    });
  }
});

describe('a configuration', () => {
  it('says where its cluster is and in which namespace', () => {
    const path = kubeconfig({ context: { namespace: 'team' } });
    const access = loadKubeConfig({ kubeconfig: path });
    assert.equal(access.server.href, 'https://api.example:6443/prefix');
    assert.equal(access.namespace, 'team');
    assert.equal(access.source, `kubeconfig ${path}`);
  });

  it('of several files is merged, and the first that defines a name wins', () => {
    const first = kubeconfig({ current: '' });
    const second = kubeconfig({ cluster: { server: 'https://second.example' } });
    assert.equal(loadKubeConfig({ kubeconfig: [first, second].join(delimiter) }).server.host, 'api.example:6443');
    assert.equal(loadKubeConfig({ kubeconfig: [second, first].join(delimiter) }).server.host, 'second.example');
  });

  it('in a pod is its service account, also on IPv6', () => {
    writeFileSync(join(directory, 'namespace'), 'assay-system\n');
    writeFileSync(join(directory, 'token'), 'a-token\n');
    const access = loadKubeConfig({ inCluster: { host: 'fd00::1', port: '443', root: directory } });
    assert.equal(access.server.host, '[fd00::1]');
    assert.equal(access.namespace, 'assay-system');
    assert.equal(access.source, "the pod's service account");
  });
});
