import assert from 'node:assert/strict';
import { manifestImages } from '../../../src/api/object-images.ts';
import { WORKLOAD_KINDS } from '../../../src/api/workload-kinds.ts';
import { formatImage, parseImage } from '../../../src/karmada/image-parser.ts';
import { predictImages } from '../../../src/karmada/predict.ts';
import { projectCluster } from '../../../src/karmada/project-cluster.ts';
import { projectOverridePolicy } from '../../../src/karmada/project-policy.ts';
import { projectWork } from '../../../src/karmada/project-work.ts';
import { OverrideError } from '../../../src/karmada/refusal.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { bytesOf, only, type FuzzTarget } from '../target.ts';

const DIGEST = `sha256:${'ab'.repeat(32)}`;
const CLUSTERS = [projectCluster({ metadata: { name: 'member1', labels: { tier: 'gold' } } })];
const imagesOfManifest = manifestImages(WORKLOAD_KINDS);

/** What is printed is read again as the same. */
function readsImage(input: Buffer): void {
  const read = only([OverrideError], () => parseImage(input.toString('utf8')));
  if (read !== undefined) assert.deepEqual(parseImage(formatImage(read)), read);
}

/** Whatever a template and its override policies hold, there are images or a refusal, and nothing is changed. */
function overrides(input: Buffer): void {
  const parsed = only([SyntaxError], () => ({ read: JSON.parse(input.toString('utf8')) as unknown }));
  if (parsed === undefined || !Array.isArray(parsed.read)) return;
  const [template, ...policies] = parsed.read as readonly unknown[];
  const objects = policies.slice(0, 16).map((policy): KubeObject => ({ metadata: { name: 'o' }, ...(typeof policy === 'object' ? policy : {}) }));
  for (const prediction of predictImages({ template, overrides: objects.map(projectOverridePolicy), clusters: CLUSTERS, imagesOfManifest, readYaml: JSON.parse })) {
    if (prediction.type === 'Refused') assert.ok(prediction.reason !== '' && prediction.reason.length <= 512, prediction.reason);
  }
  projectWork({ metadata: { name: 'w', namespace: 'karmada-es-member1' }, spec: { workload: { manifests: parsed.read } } } as unknown as KubeObject, imagesOfManifest);
  assert.ok(JSON.stringify(parsed.read).length <= JSON.stringify(JSON.parse(input.toString('utf8'))).length);
}

const TEMPLATE = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'team', name: 'web', labels: { app: 'web' }, annotations: { config: '{"a":[1]}' } },
  spec: { template: { spec: { containers: [{ name: 'app', image: `ghcr.io/acme/web:v1@${DIGEST}`, command: ['run'] }], initContainers: [{ name: 'init', image: 'init:v1' }] } } },
};
const rule = (overriders: object): object => ({ spec: { resourceSelectors: [{ apiVersion: 'apps/v1', kind: 'Deployment', labelSelector: { matchLabels: { app: 'web' } } }], overrideRules: [{ targetCluster: { exclude: ['member2'] }, overriders }] } });

/** Parsers of what Karmada's users write. */
export const KARMADA_TARGETS: readonly FuzzTarget[] = [
  {
    name: 'karmada-image',
    seeds: () => bytesOf('nginx', `Team/app:v1@${DIGEST}`, '[::1]:5000/a/b', `r.example:05000/a__b/c--d@${DIGEST}`, `a@sha512:${'0'.repeat(128)}`),
    tokens: [':v1', '@sha256:', '[::]', '..', '__', '-.', '/', 'localhost'],
    run: readsImage,
    maxBytes: 8192,
  },
  {
    name: 'karmada-overrides',
    seeds: () =>
      bytesOf(
        [TEMPLATE, rule({ imageOverrider: [{ component: 'Registry', operator: 'replace', value: 'mirror.example' }, { predicate: { path: '/spec/template/spec/initContainers/0/image' }, component: 'Tag', operator: 'add', value: '-r1' }] })],
        [TEMPLATE, rule({ plaintext: [{ path: '/spec/template/spec/containers/-', operator: 'add', value: { name: 'x', image: 'x' } }], labelsOverrider: [{ operator: 'remove', value: { app: '' } }] }), rule({ commandOverrider: [{ containerName: 'app', operator: 'add', value: ['-x'] }] })],
        [TEMPLATE, rule({ fieldOverrider: [{ fieldPath: '/metadata/annotations/config', json: [{ subPath: '/a/0', operator: 'replace', value: 2 }] }], annotationsOverrider: [{ operator: 'add', value: { 'a/b': 'c' } }] })],
      ),
    tokens: ['/-', '//', '~1', '~0', '-1', '"path"', '"add"', '"remove"', '"replace"', '"Tag"', '"Repository"', '"kind":"Job"', '__proto__', 'null', '[]', '{}'],
    run: overrides,
    cost: 300,
  },
];
