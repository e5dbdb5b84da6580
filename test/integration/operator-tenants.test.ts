import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, test } from 'node:test';
import { auditEvents } from '../support/audit.ts';
import { answering, type FaultyRegistry, startFaulty } from '../support/faulty-registry.ts';
import { type Any, apply, deployment, get, keyedPolicy, run } from '../support/installation.ts';
import { eventually, type Operator } from '../support/operator.ts';
import { operatorKubeconfig } from '../support/rbac.ts';
import { type Scene, setScene } from '../support/scene.ts';
import { type PushedImage, pushImage } from '../support/sigstore/push.ts';
import { watchVitals } from '../support/vitals.ts';

// What somebody who may only write to a namespace of his own can try.
const USER = 'assay-tenants';
let scene: Scene;
let faulty: FaultyRegistry;
let trap: Server;
let trapped = 0;
let operator: Operator;
let key: ReturnType<Scene['world']['key']>;

before(async () => {
  scene = await setScene('tenants');
  faulty = await startFaulty(scene.registry.host);
  trap = createServer((socket) => {
    trapped += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => trap.listen(0, '::', resolve));
  key = scene.world.key();
  operator = await scene.start({ kubeconfig: await operatorKubeconfig(scene.cluster, USER), registries: [faulty.host], args: ['--log-level=info'] });
});
after(async () => {
  await scene?.stop();
  await faulty?.stop();
  trap?.close();
});

const tag = ({ reference }: PushedImage): string => reference.replace(scene.registry.host, faulty.host);
const pin = ({ repository, digest }: PushedImage): string => `${faulty.host}/${repository}@${digest}`;
const policy = (name: string, spec: object = {}): Any => keyedPolicy(scene.namespace, name, `${faulty.host}/${name}/**`, key.key.pem, spec);
async function pushSigned(name: string, content = name): Promise<PushedImage> {
  const image = await pushImage(scene.registry.host, `${name}:1.0`, { content });
  await scene.world.signImage(image, key, { format: 'legacy', log: 'none' });
  return image;
}

test('an annotation assay.dev/tags that somebody else wrote leads to no request, and to nothing in the status that was not verified', async () => {
  const image = await pushSigned('forged/app');
  const remembered = (ref: string): string => JSON.stringify({ c0: { ref, digest: image.digest } });
  const annotations: Record<string, string> = {
    elsewhere: remembered(`127.0.0.1:${(trap.address() as AddressInfo).port}/forged/app:1.0`),
    neighbour: remembered(`${faulty.host}/victim/app:latest`),
    prototype: '{"__proto__":{"ref":"x","digest":"y"},"c0":{"__proto__":null}}',
    list: '[[[[1]]]]',
    nonsense: '{"c0":{"ref":{"a":1},"digest":7}}',
    broken: `{"c0":${'['.repeat(5000)}`,
    huge: JSON.stringify({ c0: { ref: 'x'.repeat(200_000), digest: image.digest } }),
  };
  for (const [name, value] of Object.entries(annotations)) await apply_(deployment(scene.namespace, `forged-${name}`, [pin(image)], {}, { annotations: { 'assay.dev/tags': value } }));
  await apply(scene.cluster, policy('forged'));
  const count = Object.keys(annotations).length;
  await eventually('every judgement', async () => (await scene.policy('forged')).status?.summary?.pinned === count, async () => JSON.stringify((await scene.policy('forged')).status));
  // Counted first: the operator may ask before kubectl has ended.
  const asked = faulty.requests('forged/');
  await run(scene.cluster, ['annotate', 'iv', 'forged', '-n', scene.namespace, 'assay.dev/requestedAt=now']);
  await eventually('the question to the registry', () => faulty.requests('forged/') > asked);
  const { status } = await scene.policy('forged');
  assert.deepEqual(status.images.map(({ image: shown, result }: Any) => [shown, result]), [[pin(image), 'Verified']]);
  assert.equal(faulty.requests('victim/'), 0);
  assert.equal(trapped, 0);
});

/** Applied on the server: kubectl's own annotation would make large ones too large. */
const apply_ = (object: object): Promise<string> => run(scene.cluster, ['create', '-f', '-'], JSON.stringify(object));

test('a Secret of another namespace cannot be named, not even by a path that leads there', async () => {
  const [image, other] = [await pushSigned('private/app'), await scene.cluster.namespace('neighbour')];
  const auth = Buffer.from('somebody:SECRET-OF-THE-NEIGHBOUR').toString('base64');
  const config = JSON.stringify({ auths: { [faulty.host]: { auth } } });
  await apply_({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: other, name: 'pull' }, type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': config } });
  const sent: (string | undefined)[] = [];
  faulty.fault('private/', (asked, response, forward) => {
    sent.push(asked.headers.authorization);
    answering(401, { 'www-authenticate': 'Basic realm="private"' })(asked, response, forward);
  });
  const names = ['pull', `../../${other}/secrets/pull`, `..%2f..%2f${other}%2fsecrets%2fpull`, `${other}/pull`, `pull?namespace=${other}`, '.', '..'];
  await apply(scene.cluster, policy('private'));
  await apply_(deployment(scene.namespace, 'private', [tag(image)], { imagePullSecrets: names.map((name) => ({ name })) }));
  await scene.row('private', '/private/app:', 'RegistryUnauthorized');
  assert.deepEqual([...new Set(sent)], [undefined]);
  const asked = auditEvents(scene.cluster.auditLog, USER).filter(({ resource }) => resource === 'secrets');
  assert.deepEqual([...new Set(asked.map(({ namespace }) => namespace))], [scene.namespace]);
  assert.deepEqual(asked.filter(({ verb }) => verb !== 'get'), []);
});

test('an image of an address that is nobody’s registry is refused without a request', async () => {
  const port = (trap.address() as AddressInfo).port;
  const hosts = [
    '169.254.169.254', '169.254.169.254:80', '100.100.100.200', '[fd00:ec2::254]', '[fe80::1]', `127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `[::ffff:127.0.0.1]:${port}`,
    `0.0.0.0:${port}`, `[::]:${port}`, `127.1:${port}`, `0177.0.0.1:${port}`, `0x7f000001:${port}`, `2130706433:${port}`, `127.0.0.1.:${port}`, `LOCALHOST:${port}`,
  ];
  const spec = { images: [{ glob: '**' }] };
  await apply(scene.cluster, { ...policy('addresses'), spec: { ...policy('addresses').spec, ...spec, workloads: { selector: { matchLabels: { attack: 'addresses' } } } } });
  for (const [index, host] of hosts.entries()) await apply_(deployment(scene.namespace, `address-${index}`, [`${host}/latest/meta-data:1`], {}, { labels: { attack: 'addresses' } }));
  const { status } = await eventually('every refusal', async () => {
    const object = await scene.policy('addresses');
    return object.status?.summary?.workloads === hosts.length ? object : undefined;
  }, async () => JSON.stringify((await scene.policy('addresses')).status?.summary));
  assert.deepEqual([...new Set(status.images.map(({ result }: Any) => result))], ['Unknown']);
  for (const { image, reason } of status.images) assert.match(reason, /^(?:RegistryUnauthorized|ManifestInvalid|RegistryUnavailable)$/, image);
  assert.equal(trapped, 0);
  for (const index of hosts.keys()) assert.equal(await scene.image(`address-${index}`), `${hosts[index]}/latest/meta-data:1`);
});

test('texts that are no image references are Unknown with what is wrong, and steer no terminal', async () => {
  const texts = ['UPPER/Case:1', 'a b', 'x\u001b[31mred\u0007', 'ünïcode/app:1', `${'long/'.repeat(400)}app:1`, 'app:tag:tag', 'app@sha256:abc', 'app@md5:d41d8cd98f00b204e9800998ecf8427e', '../../etc/passwd', 'http://x/y', '{{.Image}}', '-rf'];
  await apply(scene.cluster, { ...policy('texts'), spec: { ...policy('texts').spec, workloads: { selector: { matchLabels: { attack: 'texts' } } } } });
  for (const [index, text] of texts.entries()) await apply_(deployment(scene.namespace, `text-${index}`, [text], {}, { labels: { attack: 'texts' } }));
  const rows = await eventually('rows', async () => {
    const { images = [], summary } = (await scene.policy('texts')).status ?? {};
    return summary?.workloads >= 8 ? images : undefined;
  }, async () => JSON.stringify((await scene.policy('texts')).status));
  for (const row of rows) assert.equal(row.result, 'Unknown', row.image);
  const events = (await Promise.all(texts.map((_, index) => scene.events('Deployment', `text-${index}`)))).flat().filter(({ reportingController }) => reportingController.startsWith('assay'));
  assert.ok(rows.some(({ image }: Any) => image.includes('\\u{1b}')), JSON.stringify(rows));
  const messages = [...rows.map(({ image }: Any) => image), ...rows.map(({ message }: Any) => message), ...events.map(({ note }) => note)];
  // oxlint-disable-next-line no-control-regex
  assert.deepEqual(messages.filter((message) => /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(message)), []);
  assert.ok(operator.process.running);
});

test('64 containers with an image each are pinned by one patch; names as long as they may be are no trouble', async () => {
  const images = await Promise.all(Array.from({ length: 64 }, (_, index) => pushSigned(`many/app${index}`)));
  const name = `${'n'.repeat(61)}.${'o'.repeat(61)}.${'p'.repeat(61)}.${'q'.repeat(66)}`;
  assert.equal(name.length, 252);
  const many = deployment(scene.namespace, 'many', images.map(tag));
  const named = deployment(scene.namespace, name, [tag(images[0] as PushedImage)]);
  const labels = { app: 'long' };
  await apply(scene.cluster, policy('many'));
  await apply_(many);
  await apply_({ ...named, spec: { ...named.spec, paused: true, selector: { matchLabels: labels }, template: { ...named.spec.template, metadata: { labels } } } });
  await scene.pinned('many');
  await scene.pinned(name);
  const object = await get(scene.cluster, scene.namespace, 'deployment', 'many');
  assert.deepEqual(object.spec.template.spec.containers.map((one: Any) => one.image), images.map(pin));
  assert.equal(object.metadata.generation, 2);
  const event = await eventually('the event', async () => (await scene.events('Deployment', name)).find(({ reason }) => reason === 'Pinned'));
  assert.ok(event.metadata.name.length <= 253);
  assert.ok((await scene.events('Deployment', 'many')).some(({ reason, note }) => reason === 'Pinned' && note.length <= 1024));
});

test('the largest policy that the API server takes, full of costly patterns, is refused by name and does not hold up the event loop', async (context) => {
  const nasty = (salt: string): string => `^${String.raw`\pL\PN`.repeat(165)}${salt}$`;
  const identity = (authority: number, index: number): object => ({ issuerRegExp: nasty(`i${authority}-${index}`), subjectRegExp: nasty(`s${authority}-${index}`) });
  const authorities = Array.from({ length: 16 }, (_, authority) => ({ name: `a${authority}`, keyless: { identities: Array.from({ length: 16 }, (_one, index) => identity(authority, index)) } }));
  const images = Array.from({ length: 64 }, (_, index) => ({ glob: `${faulty.host}/nasty/${'**/'.repeat(20)}x${index}/**` }));
  const image = await pushSigned('nasty/app');
  const huge = { apiVersion: 'assay.dev/v1alpha1', kind: 'ImageVerification', metadata: { namespace: scene.namespace, name: 'nasty' }, spec: { images: [...images.slice(1), { glob: `${faulty.host}/nasty/app` }], authorities } };
  const vitals = watchVitals(operator);
  await apply_(huge);
  await apply_(deployment(scene.namespace, 'nasty', [tag(image)]));
  const ready = await scene.condition('nasty', 'Ready', 'False', 'PolicyInvalid');
  assert.match(ready.message, /^spec\.authorities: have regular expressions that together/);
  await scene.row('nasty', '/nasty/app:', 'PolicyInvalid');
  const { slowestAnswer } = await vitals.stop();
  context.diagnostic(`${JSON.stringify(huge).length} bytes, slowest answer ${Math.round(slowestAnswer)} ms`);
  assert.ok(slowestAnswer < 1500, `/healthz took ${Math.round(slowestAnswer)} ms`);
});
