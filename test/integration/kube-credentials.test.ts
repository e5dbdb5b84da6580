import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectTcp } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { KubeClient } from '../../src/kube/client.ts';
import { connect } from '../../src/kube/connect.ts';
import type { ConnectOptions } from '../../src/kube/connect.ts';
import { cluster } from '../support/cluster.ts';
import type { Cluster } from '../support/cluster.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import type { FaultProxy } from '../support/fault-proxy.ts';

const BOUND = { timeout: 60_000 };
const directory = mkdtempSync(join(tmpdir(), 'assay-credentials-'));
const clients: KubeClient[] = [];

let real: Cluster;
let proxy: FaultProxy;
let files = 0;

before(async () => {
  real = await cluster();
  proxy = await startFaultProxy(real);
});

after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await proxy.stop();
  rmSync(directory, { recursive: true });
});

function file(text: string): string {
  files += 1;
  const path = join(directory, `file-${files}`);
  writeFileSync(path, text, { mode: 0o700 });
  return path;
}

function connected(options: ConnectOptions): KubeClient {
  const { client } = connect(options);
  clients.push(client);
  return client;
}

/** A kubeconfig of the proxy with another user and more of the cluster. */
function through(user: unknown, moreOfCluster: Record<string, unknown> = {}): string {
  const config = JSON.parse(readFileSync(proxy.kubeconfig, 'utf8'));
  config.users[0].user = user;
  Object.assign(config.clusters[0].cluster, moreOfCluster);
  return file(JSON.stringify(config));
}

/** The user whom the API server takes the client for. */
async function whoAmI(client: KubeClient): Promise<string> {
  const resource = { group: 'authentication.k8s.io', version: 'v1', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview', namespaced: false };
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview', metadata: { name: 'me' } };
  const review = await client.create<{ metadata: { name: string }; status: { userInfo: { username: string } } }>(resource, undefined, body);
  return review.status.userInfo.username;
}

/** The last Authorization header that the proxy saw. */
function lastAuthorization(): string | undefined {
  return proxy.seen.at(-1)?.headers.authorization;
}

interface Plugin {
  readonly user: { readonly exec: Record<string, unknown> };
  /** How often it was started. */
  readonly runs: () => number;
}

/** A credential plugin that says how often it was started, and gives the token `token-N` at its start number N. */
function plugin(body = ''): Plugin {
  const log = file('');
  const script = file(`
    const fs = require('node:fs');
    fs.appendFileSync(${JSON.stringify(log)}, process.env.KUBERNETES_EXEC_INFO + '\\n');
    const run = fs.readFileSync(${JSON.stringify(log)}, 'utf8').trim().split('\\n').length;
    ${body}
    const { apiVersion, kind } = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
    process.stdout.write(JSON.stringify({ apiVersion, kind, status: { token: 'token-' + run } }));
  `);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: [script], interactiveMode: 'Never' };
  return { user: { exec }, runs: () => readFileSync(log, 'utf8').split('\n').length - 1 };
}

describe('credentials', BOUND, () => {
  it('of a client certificate in the kubeconfig', async () => {
    const kubeconfig = await real.userKubeconfig('certified');
    assert.equal(await whoAmI(connected({ kubeconfig })), 'certified');
  });

  it('of certificate files that are replaced are read again, and new connections use them', async () => {
    const config = JSON.parse(readFileSync(await real.userKubeconfig('earlier'), 'utf8'));
    const { 'client-certificate-data': cert, 'client-key-data': key } = config.users[0].user;
    const [certFile, keyFile] = [file(Buffer.from(cert, 'base64').toString()), file(Buffer.from(key, 'base64').toString())];
    config.users[0].user = { 'client-certificate': certFile, 'client-key': keyFile };
    const client = connected({ kubeconfig: file(JSON.stringify(config)), credentials: { maxAge: 0 } });
    assert.equal(await whoAmI(client), 'earlier');
    const later = JSON.parse(readFileSync(await real.userKubeconfig('later'), 'utf8')).users[0].user;
    writeFileSync(certFile, Buffer.from(later['client-certificate-data'], 'base64'));
    writeFileSync(keyFile, Buffer.from(later['client-key-data'], 'base64'));
    assert.equal(await whoAmI(client), 'later');
  });

  it('that cannot be read for a moment go on being used, and that is told', async () => {
    const errors: string[] = [];
    const ca = file(Buffer.from(JSON.parse(readFileSync(proxy.kubeconfig, 'utf8')).clusters[0].cluster['certificate-authority-data'], 'base64').toString());
    const kubeconfig = through({ token: 'x' }, { 'certificate-authority-data': undefined, 'certificate-authority': ca });
    const client = connected({ kubeconfig, credentials: { maxAge: 0, onError: (error) => errors.push(error.message) } });
    await client.getPath('/version');
    rmSync(ca);
    await client.getPath('/version');
    assert.match(errors[0] ?? '', /^kubeconfig \S+: the credentials of the user "proxy" cannot be read: ENOENT/);
    await assert.rejects(connected({ kubeconfig }).getPath('/version'), { code: 'NoCredentials', message: /cannot be read: ENOENT/ });
  });

  it('of a pod are its token, which is read again as soon as the API server refuses the old one', async () => {
    const namespace = await real.namespace('pod');
    await real.kubectl(['create', 'serviceaccount', 'operator', '-n', namespace]);
    const token = async (): Promise<string> => (await real.kubectl(['create', 'token', 'operator', '-n', namespace])).stdout.trim();
    const root = join(directory, 'service-account');
    mkdirSync(root);
    writeFileSync(join(root, 'ca.crt'), readFileSync(real.caFile));
    writeFileSync(join(root, 'namespace'), namespace);
    writeFileSync(join(root, 'token'), `${await token()}\n`);
    const { hostname, port } = new URL(real.url);
    const { client, access } = connect({ inCluster: { host: hostname, port, root } });
    clients.push(client);
    assert.equal(access.namespace, namespace);
    assert.equal(await whoAmI(client), `system:serviceaccount:${namespace}:operator`);
    // Its tokens die with the account; one of the account that follows is in the file before anybody asks again.
    await real.kubectl(['delete', 'serviceaccount', 'operator', '-n', namespace]);
    await real.kubectl(['create', 'serviceaccount', 'operator', '-n', namespace]);
    writeFileSync(join(root, 'token'), `${await token()}\n`);
    assert.equal(await whoAmI(client), `system:serviceaccount:${namespace}:operator`);
  });

  it('of a user with a password are sent as Basic', async () => {
    await connected({ kubeconfig: through({ username: 'me', password: 'pass' }) }).getPath('/version');
    assert.equal(lastAuthorization(), `Basic ${Buffer.from('me:pass').toString('base64')}`);
  });

  it('of a replaced kubeconfig are used after a 401', async () => {
    const kubeconfig = through({ token: 'earlier' });
    const client = connected({ kubeconfig });
    await client.getPath('/version');
    assert.equal(lastAuthorization(), 'Bearer earlier');
    writeFileSync(kubeconfig, readFileSync(through({ token: 'later' })));
    proxy.answer(() => true, { status: 401 });
    await client.getPath('/version');
    assert.equal(lastAuthorization(), 'Bearer later');
  });
});

describe('a credential plugin', BOUND, () => {
  it('is started once for calls that come together, told what it is for, and asked again after a 401', async () => {
    const { user, runs } = plugin();
    const client = connected({ kubeconfig: through(user) });
    await Promise.all(Array.from({ length: 10 }, () => client.getPath('/version')));
    assert.equal(runs(), 1);
    assert.equal(lastAuthorization(), 'Bearer token-1');
    proxy.answer(() => true, { status: 401 });
    await client.getPath('/version');
    assert.equal(runs(), 2);
    assert.equal(lastAuthorization(), 'Bearer token-2');
  });

  it('is not started with each call of a user whom the server does not know', async () => {
    const { user, runs } = plugin();
    const client = connected({ kubeconfig: through(user) });
    proxy.answer(({ headers }) => headers.authorization?.startsWith('Bearer token-') === true, { status: 401 }, 10);
    for (let count = 0; count < 5; count += 1) await assert.rejects(client.getPath('/version'), { code: 'Unauthorized' });
    assert.equal(runs(), 2);
  });

  it('that fails is one sentence with what it said', async () => {
    const { user } = plugin("process.stderr.write('please log in\\n'); process.exit(3);");
    await assert.rejects(connected({ kubeconfig: through(user) }).getPath('/version'), {
      code: 'NoCredentials',
      message: /^kubeconfig \S+: the credential plugin "\S*node" failed: please log in$/,
    });
  });

  it('that is not installed is one sentence', async () => {
    const user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'no-such-plugin', interactiveMode: 'Never' } };
    await assert.rejects(connected({ kubeconfig: through(user) }).getPath('/version'), {
      code: 'NoCredentials',
      message: /the credential plugin "no-such-plugin" is not installed or not in PATH: install it, or use another user$/,
    });
  });

  it('that hangs fails the call at its bound and is not started a second time meanwhile', async () => {
    const { user, runs } = plugin('setTimeout(() => process.exit(1), 3000); return;');
    const client = connected({ kubeconfig: through(user), credentials: { deadline: 300 } });
    await assert.rejects(client.getPath('/version'), { code: 'NoCredentials', message: /its credentials were not there after 0\.3 s$/ });
    await assert.rejects(client.getPath('/version'), { code: 'NoCredentials' });
    assert.ok(runs() <= 1);
  });
});

describe('a proxy-url', BOUND, () => {
  it('is gone through by CONNECT', async () => {
    const asked: string[] = [];
    const forward = createServer();
    forward.on('connect', (request, socket, head) => {
      asked.push(request.url ?? '');
      const { hostname, port } = new URL(`http://${request.url}`);
      const upstream = connectTcp(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [upstream, socket]) end.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => forward.listen(0, '127.0.0.1', resolve));
    const proxyUrl = `http://127.0.0.1:${(forward.address() as AddressInfo).port}`;
    const client = connected({ kubeconfig: through({ token: 'x' }, { 'proxy-url': proxyUrl }) });
    await client.getPath('/version');
    assert.deepEqual(asked, [new URL(proxy.url).host]);
    await client.close();
    forward.close();
  });
});
