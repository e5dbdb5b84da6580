import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import test from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { verify } from '../../src/cli/verify.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { cluster } from '../support/cluster.ts';
import { startRegistry } from '../support/registry.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { createWorld, publicKeyPem } from '../support/sigstore/world.ts';

const world = createWorld();
const key = world.key();

async function run(args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: number; stderr: string }> {
  let stderr = '';
  const code = await verify(args, {
    stdout: () => undefined,
    stderr: (text) => (stderr += text),
    env,
    readFile: (path) => readFile(path),
    createRegistry: createRegistryClient,
    clock: systemClock,
    setExitCode: () => undefined,
  });
  return { code, stderr };
}

test('a key in a Secret is read from the real API server, as whoever runs the command', { timeout: 120_000 }, async () => {
  const plane = await cluster();
  const registry = await startRegistry();
  const image = await pushImage(registry.host, 'app:v1');
  await world.signImage(image, key, { format: 'legacy', log: 'none' });
  const place = await plane.namespace('keys');
  const data = { 'cosign.pub': Buffer.from(publicKeyPem(key)).toString('base64') };
  for (const [name, content] of Object.entries({ release: data, empty: {} })) {
    const { code, stderr } = await plane.kubectl(['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: place }, data: content }));
    assert.equal(code, 0, stderr);
  }
  const args = (name: string): string[] => ['--key', `k8s://${place}/${name}`, '--insecure-ignore-tlog', image.reference];
  const admin = { KUBECONFIG: plane.adminKubeconfig };

  const ran = await run(args('release'), admin);
  assert.equal(ran.code, 0, ran.stderr);

  const wrong: Readonly<Record<string, readonly [string, Readonly<Record<string, string>>, RegExp]>> = {
    'a Secret that is not there': ['nope', admin, /loading public key: checking if secret exists: .*nope/],
    'a Secret without a key': ['empty', admin, /has no data cosign\.pub/],
    'somebody who may not read it': ['release', { KUBECONFIG: await plane.userKubeconfig('stranger') }, /checking if secret exists: .*stranger/],
    'no cluster': ['release', {}, /checking if secret exists: no cluster is configured/],
  };
  for (const [sentence, [name, env, message]] of Object.entries(wrong)) {
    const refused = await run(args(name), env);
    assert.equal(refused.code, 1, sentence);
    assert.match(refused.stderr, message, sentence);
  }
});
