import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { apply, deployment } from '../support/installation.ts';
import { eventually } from '../support/operator.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { startTufMirror, type TufMirror } from '../support/tuf-mirror.ts';

const ISSUER = 'https://token.actions.githubusercontent.com';
const SUBJECT = 'https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1';

let folder: string;
let scene: Scene;
let mirror: TufMirror;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assay-operator-trust-'));
  [scene, mirror] = await Promise.all([setScene('trust'), startTufMirror(folder)]);
});

after(async () => {
  await scene?.stop();
  await mirror?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A way to a mirror that keeps whoever asks waiting until it is opened. */
async function gateTo(url: string): Promise<{ readonly url: string; open(): void; readonly waiting: () => boolean; close(): void }> {
  const { port, pathname } = new URL(url);
  const held: (() => void)[] = [];
  let isOpen = false;
  const server = createServer((incoming, response) => {
    const pass = (): void => void request({ host: '127.0.0.1', port, path: incoming.url ?? '' }, (answer) => {
      response.writeHead(answer.statusCode ?? 500);
      answer.pipe(response);
    }).end();
    if (isOpen) pass();
    else held.push(pass);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`,
    waiting: () => held.length > 0,
    open: () => {
      isOpen = true;
      for (const pass of held) pass();
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

test('an image is judged anew as soon as TUF brings the trust root that it needs, and again after a restart without the mirror', async () => {
  const client = mirror.publish(scene.world.trustedRootJson);
  const gate = await gateTo(client.tufMirrorURL);
  const args = [`--tuf-mirror=${gate.url}`, `--tuf-root=${client.tufRootPath}`, `--tuf-cache=${join(folder, 'cache')}`];
  try {
    const image = await pushImage(scene.registry.host, 'trust/app:1.0');
    await scene.world.signImage(image, scene.world.keyless({ subject: SUBJECT, issuer: ISSUER }));
    const keyless = {
      apiVersion: 'assay.dev/v1alpha1',
      kind: 'ImageVerification',
      metadata: { namespace: scene.namespace, name: 'trust' },
      spec: { images: [{ glob: `${scene.registry.host}/trust/**` }], authorities: [{ name: 'ci', keyless: { identities: [{ issuer: ISSUER, subject: SUBJECT }] } }] },
    };
    const operator = await scene.start({ args });
    await apply(scene.cluster, keyless, deployment(scene.namespace, 'trust', [image.reference]));
    await scene.condition('trust', 'Ready', 'False', 'TrustRootUnavailable');
    const waiting = await scene.row('trust', 'trust/app', 'TrustRootUnavailable');
    assert.equal(waiting.result, 'Unknown');
    assert.equal(await scene.image('trust'), image.reference);
    await eventually('the first request of the mirror', gate.waiting);
    gate.open();
    await scene.row('trust', 'trust/app', 'SignatureValid');
    assert.match(await scene.pinned('trust'), /@sha256:/);
    assert.equal(await operator.metric('assay_trust_root_refreshes_total{result="ok"}'), 1);
    assert.equal(await operator.metric('assay_trust_root_origin{origin="refreshed"}'), 1);
    assert.ok(((await operator.metric('assay_trust_root_expiry_timestamp_seconds')) ?? 0) > Date.now() / 1000);
    await operator.stop();
    gate.close();

    const again = await scene.start({ args });
    const other = await pushImage(scene.registry.host, 'trust/other:1.0', { content: 'other' });
    await scene.world.signImage(other, scene.world.keyless({ subject: SUBJECT, issuer: ISSUER }));
    await apply(scene.cluster, deployment(scene.namespace, 'other', [other.reference]));
    assert.match(await scene.pinned('other'), /@sha256:/);
    await eventually('the attempt that fails', async () => (await again.metric('assay_trust_root_refreshes_total{result="Unreachable"}')) === 1);
    const told = again.log().filter(({ message }) => String(message).startsWith('the trust root could not be refreshed'));
    assert.deepEqual(told.map(({ level }) => level), ['warn']);
  } finally {
    gate.close();
  }
});
