import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answering, cuttingOff, dripping, endless, type Fault, type FaultyRegistry, forging, hangingUp, startFaulty } from '../support/faulty-registry.ts';
import { type Any, apply, deployment, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushBlob, pushImage, pushManifest } from '../support/sigstore/push.ts';
import { memoryOf } from '../support/vitals.ts';

let scene: Scene;
let faulty: FaultyRegistry;
let trap: Server;
let trapped = 0;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;

before(async () => {
  scene = await setScene('registry');
  faulty = await startFaulty(scene.registry.host);
  trap = createServer((socket) => {
    trapped += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  key = scene.world.key();
  operator = await scene.start({ registries: [faulty.host], args: ['--log-level=info'] });
});
after(async () => {
  await scene?.stop();
  await faulty?.stop();
  trap?.close();
});

const tag = ({ reference }: PushedImage): string => reference.replace(scene.registry.host, faulty.host);
const pin = ({ repository, digest }: PushedImage): string => `${faulty.host}/${repository}@${digest}`;
const policy = (name: string, spec: object = {}): Any => keyedPolicy(scene.namespace, name, `${faulty.host}/${name}/**`, key.key.pem, spec);
const requestAfresh = (name: string, at: string): Promise<string> => run(scene.cluster, ['annotate', 'iv', name, '-n', scene.namespace, '--overwrite', `assay.dev/requestedAt=${at}`]);
async function pushSigned(name: string): Promise<PushedImage> {
  const image = await pushImage(scene.registry.host, `${name}:1.0`);
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  return image;
}

interface Row {
  readonly fault: Fault;
  readonly result: 'Unknown' | 'Failed';
  readonly reason: string;
}
const trapPort = (): number => (trap.address() as AddressInfo).port;
/** By the name of the repository. */
const ROWS: Readonly<Record<string, Row>> = {
  'cut-off': { fault: cuttingOff, result: 'Unknown', reason: 'RegistryUnavailable' },
  endless: { fault: endless, result: 'Failed', reason: 'LimitExceeded' },
  dripping: { fault: dripping, result: 'Unknown', reason: 'RegistryUnavailable' },
  forged: { fault: forging, result: 'Unknown', reason: 'DigestMismatch' },
  'hung-up': { fault: hangingUp, result: 'Unknown', reason: 'RegistryUnavailable' },
  throttled: { fault: answering(429, { 'retry-after': '5' }), result: 'Unknown', reason: 'RegistryThrottled' },
  overloaded: { fault: answering(503), result: 'Unknown', reason: 'RegistryUnavailable' },
  locked: { fault: answering(401), result: 'Unknown', reason: 'RegistryUnauthorized' },
  portal: { fault: answering(200, { 'content-type': 'text/html' }, '<html>log in to the airport</html>'), result: 'Unknown', reason: 'ManifestInvalid' },
  'to-metadata': { fault: answering(307, { location: 'http://169.254.169.254/latest/meta-data/' }), result: 'Unknown', reason: 'RegistryUnauthorized' },
  'to-neighbour': { fault: (asked, response, forward) => answering(307, { location: `https://127.0.0.1:${trapPort()}/` })(asked, response, forward), result: 'Unknown', reason: 'RegistryUnauthorized' },
};
const NAMES = Object.keys(ROWS);

test('a registry that misbehaves in every way: each has its reason, nothing is pinned, no text of the registry is repeated, and all recovers unaided', async (context) => {
  const images = new Map<string, PushedImage>();
  for (const name of NAMES) {
    images.set(name, await pushSigned(`hostile/${name}`));
    faulty.fault(`hostile/${name}/`, ROWS[name]?.fault);
  }
  const memory = memoryOf(operator.process.pid);
  await apply(scene.cluster, policy('hostile'), ...NAMES.map((name) => deployment(scene.namespace, name, [tag(images.get(name) as PushedImage)])));
  const rows = new Map<string, Any>();
  for (const [name, { reason }] of Object.entries(ROWS)) rows.set(name, await scene.row('hostile', `/hostile/${name}:`, reason));
  assert.deepEqual(Object.fromEntries(NAMES.map((name) => [name, rows.get(name).result])), Object.fromEntries(NAMES.map((name) => [name, ROWS[name]?.result])));
  for (const name of NAMES) assert.equal(await scene.image(name), tag(images.get(name) as PushedImage), name);
  assert.doesNotMatch(JSON.stringify([await scene.policy('hostile'), operator.log(), await operator.metrics()]), /SECRET TEXT/);
  assert.equal(trapped, 0, 'no request went where the registry sent it');
  assert.ok(((await operator.metric('assay_registry_requests_total{kind="head",code="<error>"}')) ?? 0) > 0, 'requests without an answer are counted');
  for (const name of NAMES) faulty.fault(`hostile/${name}/`, undefined);
  const patient = NAMES.filter((name) => ROWS[name]?.result === 'Unknown');
  for (const name of patient) await eventually(`the pin of ${name}`, async () => (await scene.image(name)) === pin(images.get(name) as PushedImage), () => operator.process.tail(4), 45);
  // A definite refusal is asked again after a minute; whoever has corrected it need not wait.
  await requestAfresh('hostile', 'now');
  for (const name of NAMES) await eventually(`the pin of ${name}`, async () => (await scene.image(name)) === pin(images.get(name) as PushedImage));
  context.diagnostic(`memory before ${Math.round(memory)} MiB, after ${Math.round(memoryOf(operator.process.pid))} MiB`);
  assert.ok(memoryOf(operator.process.pid) < memory + 120, `${memory} MiB grew to ${memoryOf(operator.process.pid)}`);
});

test('while the registry is down, what was verified stays verified and is marked Stale; when it is back, nothing is left of that', async () => {
  const names = ['one', 'two', 'three'];
  for (const name of names) await apply(scene.cluster, deployment(scene.namespace, `stale-${name}`, [tag(await pushSigned(`stale/${name}`))]));
  await apply(scene.cluster, policy('stale'));
  for (const name of names) await scene.pinned(`stale-${name}`);
  await scene.condition('stale', 'Verified', 'True', 'AllVerified');
  faulty.fault('stale/', hangingUp);
  await requestAfresh('stale', 'down');
  await scene.condition('stale', 'Stale', 'True', 'RegistryUnavailable');
  const { status } = await scene.policy('stale');
  assert.deepEqual({ verified: status.summary.verified, failed: status.summary.failed, unknown: status.summary.unknown, pinned: status.summary.pinned }, { verified: 3, failed: 0, unknown: 0, pinned: 3 });
  await scene.condition('stale', 'Verified', 'True', 'AllVerified');
  for (const name of names) assert.deepEqual((await scene.events('Deployment', `stale-${name}`)).filter(({ type }) => type === 'Warning'), []);
  faulty.fault('stale/', undefined);
  await requestAfresh('stale', 'back');
  await eventually('Stale to end', async () => (await scene.policy('stale')).status.conditions.every(({ type }: Any) => type !== 'Stale'));
});

test('a thousand signatures on one image are not looked at one by one, and no signature among them is called missing', async () => {
  const image = await pushImage(scene.registry.host, 'crowded/app:1.0');
  const blob = await pushBlob(image.host, image.repository, 'application/vnd.dev.cosign.simplesigning.v1+json', Buffer.from('{}'));
  const layers = Array.from({ length: 1000 }, (_, index) => ({ ...blob, annotations: { 'dev.cosignproject.cosign/signature': Buffer.from(`no signature ${index}`).toString('base64') } }));
  await pushManifest(image.host, image.repository, `${image.digest.replace(':', '-')}.sig`, 'application/vnd.oci.image.manifest.v1+json', { schemaVersion: 2, config: blob, layers });
  await apply(scene.cluster, policy('crowded'), deployment(scene.namespace, 'crowded', [tag(image)]));
  const row = await scene.row('crowded', '/crowded/app:', 'LimitExceeded');
  assert.equal(row.result, 'Failed');
  assert.ok(faulty.requests('crowded/') < 100, `${faulty.requests('crowded/')} requests`);
  await sleep(1000);
  assert.equal(await scene.image('crowded'), tag(image));
});
