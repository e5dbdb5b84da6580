import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { CAST, type CastMember, LATECOMER } from '../../../hack/demo/cast.ts';
import { deployment, policies } from '../../../hack/demo/manifests.ts';
import { type Observed, outcomes, type StatusImage } from '../../../hack/demo/outcome.ts';
import { eventLines, imageTable, metricLines, short } from '../../../hack/demo/report.ts';
import { type Paint, painter, table, wrap } from '../../../hack/demo/terminal.ts';
import { DEMO_PARTS, type DemoImages } from '../../../hack/demo-images.ts';

const bare: Paint = (text) => text;
const digestOf = (index: number): `sha256:${string}` => `sha256:${String(index).repeat(64)}`;
const images = Object.fromEntries(
  DEMO_PARTS.map((part, index) => [part, { reference: `127.0.0.1:5000/shop/${part}:1.0`, digest: digestOf(index), signed: '' }]),
) as DemoImages['images'];
const WEB = CAST.find(({ name }) => name === 'web') as CastMember;
const REPORT = CAST.find(({ name }) => name === 'report') as CastMember;

interface Seen {
  readonly image: string;
  readonly replicaSets?: number;
  readonly status?: Partial<StatusImage>;
}

/** What the API server has of one Deployment with one container. */
function observed({ namespace, name, containers }: CastMember, { image, replicaSets = 1, status }: Seen): Observed {
  const row: StatusImage = { image: '', result: 'Verified', reason: 'SignatureValid', message: '', workloads: { examples: [`${namespace}/${name}`] }, ...status };
  return {
    deployments: [{ metadata: { namespace, name, uid: 'u' }, spec: { template: { spec: { containers: [{ name: containers[0]?.name ?? '', image }] } } } }],
    replicaSets: Array.from({ length: replicaSets }, () => ({ metadata: { namespace, ownerReferences: [{ uid: 'u' }] } })),
    policies: status === undefined ? [] : [{ metadata: { namespace, name: 'p' }, status: { images: [row] } }],
  };
}

const tagged = images.web.reference;
const pinned = tagged.replace(':1.0', `@${images.web.digest}`);
const unsigned = images.unsigned.reference;

describe('an outcome of the demo', () => {
  const cases: Record<string, readonly [CastMember, Seen, boolean]> = {
    'is as expected when the digest that was signed is pinned with one more rollout': [WEB, { image: pinned, replicaSets: 2, status: { image: tagged } }, true],
    'is not, while the tag is still there': [WEB, { image: tagged, status: { image: tagged } }, false],
    'is not, when another digest was pinned': [WEB, { image: tagged.replace(':1.0', `@${digestOf(9)}`), replicaSets: 2, status: { image: tagged } }, false],
    'is not, when the pin caused two rollouts': [WEB, { image: pinned, replicaSets: 3, status: { image: tagged } }, false],
    'is not, while the status says nothing': [WEB, { image: pinned, replicaSets: 2 }, false],
    'is as expected when what nobody signed is left as it was, with the reason': [REPORT, { image: unsigned, status: { image: unsigned, result: 'Failed', reason: 'NoSignature' } }, true],
    'is not, when it failed for another reason': [REPORT, { image: unsigned, status: { image: unsigned, result: 'Failed', reason: 'TagNotFound' } }, false],
    'is not, when what nobody signed was pinned': [REPORT, { image: unsigned.replace(':1.0', `@${images.unsigned.digest}`), status: { image: unsigned, result: 'Failed', reason: 'NoSignature' } }, false],
    'is not, when what nobody signed had a rollout': [REPORT, { image: unsigned, replicaSets: 2, status: { image: unsigned, result: 'Failed', reason: 'NoSignature' } }, false],
  };
  for (const [sentence, [member, seen, expected]] of Object.entries(cases)) {
    test(sentence, () => assert.equal(outcomes([member], images, observed(member, seen))[0]?.asExpected, expected));
  }

  test('takes only the row of its own workload, where two have the same image', () => {
    const seen = observed(WEB, { image: tagged, status: { image: tagged, workloads: { examples: ['shop/web-2'] } } });
    assert.equal(outcomes([WEB], images, seen)[0]?.containers[0]?.status, undefined);
  });

  test('is shown in one line a container, without the registry and with short digests', () => {
    const lines = imageTable(outcomes([WEB], images, observed(WEB, { image: pinned, replicaSets: 2, status: { image: tagged } })), bare);
    assert.equal(lines[1], '✔  shop/web    web        shop/web:1.0  shop/web@sha256:00000000…  SignatureValid  2');
  });
});

describe('the manifests of the demo', () => {
  test('name every image by tag, init containers apart', () => {
    const checkout = CAST.find(({ name }) => name === 'checkout') as CastMember;
    const { spec } = deployment(checkout, { images } as DemoImages) as { spec: { template: { spec: { initContainers: unknown[]; containers: unknown[] } } } };
    assert.deepEqual(spec.template.spec.initContainers, [{ name: 'migrate', image: images.migration.reference }]);
    assert.equal(spec.template.spec.containers.length, 2);
  });

  const demo = { globs: { keyless: 'k/**', keyed: 'r/**' }, identity: { issuer: 'i', subject: 's', subjectRegExp: '^s$' }, keyPem: 'PEM', trustedRootJson: '{}' };
  const objects = policies(resolve(import.meta.dirname, '../../..'), demo) as { kind: string; metadata: { namespace?: string }; spec: unknown; data: unknown; stringData: unknown }[];
  const of = (kind: string) => objects.filter((object) => object.kind === kind);

  test('give every namespace of a Deployment a policy', () => {
    const namespaces = of('ImageVerification').map(({ metadata }) => metadata.namespace);
    assert.deepEqual([...new Set([...CAST, LATECOMER].map(({ namespace }) => namespace))].toSorted(), namespaces.toSorted());
  });

  test('are those of config/samples, with the registry, identity, key and trust root of the demo', () => {
    assert.deepEqual(of('ConfigMap').map(({ data }) => data), [{ 'trusted_root.json': '{}' }]);
    assert.deepEqual(of('Secret').map(({ stringData }) => stringData), [{ 'cosign.pub': 'PEM' }]);
    const text = JSON.stringify(of('ImageVerification').map(({ spec }) => spec));
    assert.match(text, /"images":\[\{"glob":"k\/\*\*"\}\]/);
    assert.match(text, /"identities":\[\{"issuer":"i","subjectRegExp":"\^s\$"\}\]/);
    assert.doesNotMatch(text, /acme/);
  });
});

describe('what the demo prints', () => {
  test('has columns as wide as what is in them, and no blanks at the end of a line', () => {
    assert.deepEqual(table(['A', 'BEE'], [['long one', 'x'], ['s', '']], bare), ['A         BEE', 'long one  x', 's']);
  });

  test('is wrapped at blanks, long words in a line of their own', () => {
    assert.deepEqual(wrap('aa bb cccccccc d', 5), ['aa bb', 'cccccccc', 'd']);
  });

  const colours: Record<string, readonly [boolean, NodeJS.ProcessEnv, boolean]> = {
    'has colours on a terminal': [true, {}, true],
    'has none where NO_COLOR is set': [true, { NO_COLOR: '1' }, false],
    'has them where NO_COLOR is empty': [true, { NO_COLOR: '' }, true],
    'has none on a dumb terminal': [true, { TERM: 'dumb' }, false],
    'has none in a file': [false, {}, false],
  };
  for (const [sentence, [isTTY, env, expected]] of Object.entries(colours)) {
    test(sentence, () => assert.equal(painter({ isTTY } as NodeJS.WriteStream, env)('x', 'good') !== 'x', expected));
  }

  test('shortens references of the registry', () => {
    assert.equal(short(`127.0.0.1:41/shop/web@sha256:${'a'.repeat(64)}`), 'shop/web@sha256:aaaaaaaa…');
    assert.equal(short('127.0.0.1:41/shop/web:1.4'), 'shop/web:1.4');
  });

  test('has the sentence of an event below its head', () => {
    const event = { type: 'Warning', reason: 'NoSignature', message: 'one two', involvedObject: { kind: 'Deployment', namespace: 'shop', name: 'report' }, reportingComponent: 'x' };
    assert.deepEqual(eventLines([event], bare, 9), ['Warning NoSignature Deployment shop/report', '    one', '    two']);
  });

  test('has the counters that are not 0, and no others', () => {
    const lines = ['# HELP assay_pins_total x', 'assay_pins_total{result="pinned"} 4', 'assay_pins_total{result="error"} 0', 'assay_watch_objects{resource="pods"} 3', 'up 1'];
    assert.deepEqual(metricLines(lines.join('\n')), ['assay_pins_total{result="pinned"} 4']);
  });
});
