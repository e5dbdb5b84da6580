import { createDice, type Dice } from '../oracle/dice.ts';
import type { Any } from './installation.ts';

const CRD_GROUP = 'predicted.example';

/** How often a kind is made; a kind of `predicted.example` is defined by {@link combinationCrds}. */
const KINDS = { 'apps/v1/Deployment': 6, 'apps/v1/StatefulSet': 3, 'apps/v1/DaemonSet': 3, 'apps/v1/ReplicaSet': 2, 'batch/v1/Job': 3, 'batch/v1/CronJob': 3, 'v1/Pod': 3, [`${CRD_GROUP}/v1/StatefulSet`]: 1, [`${CRD_GROUP}/v1/Rollout`]: 1 } as const;

const D = (digit: string): string => `sha256:${digit.repeat(64)}`;
const IMAGES = ['app', 'app:v1', 'team/app:v1', 'Team/app:v2', 'r.example/t/app:v1', `r.example/t/app@${D('a')}`, `r.example/t/app:v1@${D('b')}`, `app:v1@${D('b')}`, 'localhost:5000/app', 'R.example/app:v3', '[::1]:5000/app:v1', `r.example/app@sha512:${'c'.repeat(128)}`];
/** What Kubernetes stores and Karmada cannot read. */
const UNREADABLE = ['r.example/Team/app:v1', 'app@sha256:0123456789ab', 'my_host:5000/app'];

/** One template with the policies that may mean it. */
export interface Combination {
  readonly name: string;
  readonly template: Any;
  /** PropagationPolicies, ClusterPropagationPolicies and override policies of both kinds, named after it. */
  readonly policies: readonly Any[];
}

/** The same combinations for the same seed, spread over these namespaces. */
export function combinations(count: number, seed: number, namespaces: readonly string[]): readonly Combination[] {
  return Array.from({ length: count }, (_, index) => combination(createDice(seed, index), `c${index}`, namespaces[index % namespaces.length] ?? ''));
}

/** What every namespace has beside: a policy for everything in it, of the namespace or of the cluster, and overrides of everything. */
export function commonPolicies(namespace: string, byCluster: boolean): readonly Any[] {
  const everything = Object.keys(KINDS).map((key) => selectorOf(key, namespace));
  return [
    policy(byCluster ? 'ClusterPropagationPolicy' : 'PropagationPolicy', byCluster ? '' : namespace, `${namespace}-all`, { resourceSelectors: everything, ...placement({}) }),
    policy('OverridePolicy', namespace, 'gold', { resourceSelectors: everything.map((one) => ({ ...one, labelSelector: { matchLabels: { tier: 'gold' } } })), overrideRules: [{ overriders: images('Repository', 'add', '-gold') }] }),
    policy('ClusterOverridePolicy', '', `${namespace}-two`, { resourceSelectors: everything, overrideRules: [{ targetCluster: { clusterNames: ['member2'] }, overriders: images('Registry', 'add', 'two.example') }] }),
    policy('ClusterOverridePolicy', '', `${namespace}-switch`, {
      resourceSelectors: everything.map((one) => ({ ...one, labelSelector: { matchExpressions: [{ key: 'switch', operator: 'Exists' }] } })),
      overrideRules: [{ targetCluster: { exclude: ['member2'] }, overriders: { labelsOverrider: [{ operator: 'replace', value: { tier: 'gold' } }, { operator: 'add', value: { tier: 'gold' } }] } }],
    }),
  ];
}

/** The definitions of the kinds beside Kubernetes' own. */
export function combinationCrds(): readonly Any[] {
  return ['StatefulSet', 'Rollout'].map((kind) => {
    const plural = `${kind.toLowerCase()}s`;
    const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    return {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.${CRD_GROUP}` },
      spec: { group: CRD_GROUP, scope: 'Namespaced', names: { kind, plural }, versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }] },
    };
  });
}

function combination(dice: Dice, name: string, namespace: string): Combination {
  const key = dice.weighted(KINDS);
  const template = templateOf(dice, key, name, namespace);
  const scope = (cluster: boolean): { readonly namespace: string; readonly prefix: string } => (cluster ? { namespace: '', prefix: `${namespace}-${name}` } : { namespace, prefix: name });
  const selector = (): object => selects(dice, key, namespace, name);
  const propagation = Array.from({ length: dice.below(3) }, (_, index) => {
    const cluster = dice.chance(0.3);
    const at = scope(cluster);
    return policy(cluster ? 'ClusterPropagationPolicy' : 'PropagationPolicy', at.namespace, `${at.prefix}-p${index}`, { resourceSelectors: [selector()], priority: dice.below(3), ...placement(dice.pick(TARGETS)) });
  });
  const overrides = Array.from({ length: dice.below(4) }, (_, index) => {
    const cluster = dice.chance(0.4);
    const at = scope(cluster);
    const rules = Array.from({ length: 1 + dice.below(2) }, () => ({ ...(dice.chance(0.5) ? { targetCluster: dice.pick(TARGETS) } : {}), overriders: overriders(dice, key) }));
    const spec = dice.chance(0.15) ? { targetCluster: dice.pick(TARGETS), overriders: overriders(dice, key) } : { overrideRules: rules };
    return policy(cluster ? 'ClusterOverridePolicy' : 'OverridePolicy', at.namespace, `${at.prefix}-o${index}`, { resourceSelectors: [selector()], ...spec });
  });
  return { name, template, policies: [...propagation, ...overrides] };
}

const TARGETS = [{}, { clusterNames: ['member1'] }, { clusterNames: ['member1', 'member2'] }, { exclude: ['member1'] }, { labelSelector: { matchExpressions: [{ key: 'none', operator: 'DoesNotExist' }] } }, { fieldSelector: { matchExpressions: [{ key: 'provider', operator: 'NotIn', values: ['acme'] }] } }];

/** What is rendered is all that is looked at: the members are spared. */
function placement(clusterAffinity: object): object {
  return { placement: { clusterAffinity }, suspension: { dispatching: true } };
}

function selectorOf(key: string, namespace: string): Any {
  const slash = key.lastIndexOf('/');
  return { apiVersion: key.slice(0, slash), kind: key.slice(slash + 1), namespace };
}

/** All of these mean the template of this name and no other; some mean none. */
function selects(dice: Dice, key: string, namespace: string, name: string): Any {
  const labels = dice.pick([{ matchLabels: { combination: name } }, { matchLabels: { combination: name, tier: 'gold' } }, { matchExpressions: [{ key: 'combination', operator: 'In', values: [name] }] }]);
  return { ...selectorOf(key, namespace), ...dice.pick([{ name }, { name }, { labelSelector: labels }, { labelSelector: labels }, { name, labelSelector: { matchLabels: { none: 'x' } } }]) };
}

function policy(kind: string, namespace: string, name: string, spec: object): Any {
  return { apiVersion: 'policy.karmada.io/v1alpha1', kind, metadata: { name, ...(namespace === '' ? {} : { namespace }) }, spec };
}

function templateOf(dice: Dice, key: string, name: string, namespace: string): Any {
  const { apiVersion, kind } = selectorOf(key, namespace);
  const labels = { combination: name, ...(dice.chance(0.4) ? { tier: dice.pick(['gold', 'silver']) } : {}), ...(dice.chance(0.3) ? { switch: 'on' } : {}) };
  const annotations = { json: '{"image":"a","list":[1,2]}', yaml: 'image: a\nlist:\n- 1\n- 2\n', text: 'text' };
  return { apiVersion, kind, metadata: { namespace, name, labels, annotations }, spec: specOf(kind, name, podSpec(dice, kind)) };
}

function podSpec(dice: Dice, kind: string): object {
  const image = (): string => (dice.chance(0.03) ? dice.pick(UNREADABLE) : dice.pick(IMAGES));
  const containers = Array.from({ length: 1 + dice.below(3) }, (_, index) => ({ name: `c${index}`, image: image(), ...(dice.chance(0.5) ? { command: ['run', '-v'] } : {}) }));
  const init = dice.chance(0.5) ? { initContainers: [{ name: 'init', image: image() }] } : {};
  return { containers, ...init, ...(kind.endsWith('Job') ? { restartPolicy: 'Never' } : {}) };
}

function specOf(kind: string, name: string, pod: object): object {
  const labels = { app: name };
  const template = { metadata: { labels }, spec: pod };
  switch (kind) {
    case 'Pod':
      return pod;
    case 'Job':
      return { template: { spec: pod } };
    case 'CronJob':
      return { schedule: '0 0 1 1 *', jobTemplate: { spec: { template: { spec: pod } } } };
    case 'StatefulSet':
      return { serviceName: name, selector: { matchLabels: labels }, template };
    default:
      return { selector: { matchLabels: labels }, template };
  }
}

function images(component: string, operator: string, value: string, path?: string): Any {
  return { imageOverrider: [{ component, operator, ...(operator === 'remove' ? {} : { value }), ...(path === undefined ? {} : { predicate: { path } }) }] };
}

/** One to three overriders, of which some cannot be applied. */
function overriders(dice: Dice, key: string): Any {
  const at = podSpecAt(key.slice(key.lastIndexOf('/') + 1));
  const picked = Array.from({ length: 1 + dice.below(3) }, () => overrider(dice, at));
  const merged: Record<string, unknown[]> = {};
  for (const one of picked) for (const [field, list] of Object.entries(one)) (merged[field] ??= []).push(...list);
  return merged;
}

function podSpecAt(kind: string): string {
  if (kind === 'Pod') return '/spec';
  return kind === 'CronJob' ? '/spec/jobTemplate/spec/template/spec' : '/spec/template/spec';
}

type Overrider = Readonly<Record<string, readonly unknown[]>>;

function overrider(dice: Dice, at: string): Overrider {
  return OVERRIDERS[dice.weighted({ image: 10, predicate: 4, plaintext: 4, field: 2, labels: 4, annotations: 2, command: 3 })](dice, at);
}

/** What people write; the rest is what they may write. */
const COMMON = [images('Registry', 'replace', 'm.example'), images('Registry', 'add', '.cn'), images('Registry', 'remove', ''), images('Repository', 'add', '-x'), images('Tag', 'replace', 'v2'), images('Tag', 'replace', D('d')), images('Tag', 'remove', '')];
const ADD_REMOVE_REPLACE = ['add', 'remove', 'replace'];
const COMPONENTS = ['Registry', 'Repository', 'Tag'];

const OVERRIDERS: Readonly<Record<'image' | 'predicate' | 'plaintext' | 'field' | 'labels' | 'annotations' | 'command', (dice: Dice, at: string) => Overrider>> = {
  image: (dice) => (dice.chance(0.7) ? dice.pick(COMMON) : images(dice.pick(COMPONENTS), dice.pick(ADD_REMOVE_REPLACE), dice.pick(IMAGE_VALUES))),
  predicate: (dice, at) => images(dice.pick(COMPONENTS), 'replace', dice.pick(['m.example', 'v9', 'x/y']), `${at}${dice.pick(PREDICATES)}`),
  plaintext: (dice, at) => ({ plaintext: [dice.pick(plaintext(at))] }),
  field: (dice) => ({ fieldOverrider: [dice.pick(FIELD_OVERRIDERS)] }),
  labels: (dice) => ({ labelsOverrider: [{ operator: dice.pick(ADD_REMOVE_REPLACE), value: dice.pick([{ tier: 'gold' }, { tier: 'silver' }, { 'acme.example/team': 'x' }]) }] }),
  annotations: (dice) => ({ annotationsOverrider: [{ operator: dice.pick(ADD_REMOVE_REPLACE), value: dice.pick([{ text: 'other' }, { 'acme.example/json': '{"list":[]}' }]) }] }),
  command: (dice) => ({ [dice.pick(['commandOverrider', 'argsOverrider'])]: [{ containerName: dice.pick(['c0', 'c1', 'none']), operator: dice.pick(['add', 'remove']), value: ['-v'] }] }),
};

const IMAGE_VALUES = ['m.example', 'localhost', '-x', '.cn', ':5000', 'team/x', 'v2', D('d'), `v2@${D('d')}`, `@${D('d')}`, 'sha256:0123456789abcdef0123456789abcdef', 'UPPER'];
/** The second container and the init container are not always there; an element that is not makes Karmada panic. */
const PREDICATES = ['/containers/0/image', '/containers/0/image', '/containers/0/image', '/initContainers/0/image', '/containers/0/picture', '/containers/x/image', '/containers/1/image'];

function plaintext(at: string): readonly unknown[] {
  return [
    { path: `${at}/containers/0/image`, operator: 'replace', value: 'plain.example/app:v1' },
    { path: `${at}/containers/-`, operator: 'add', value: { name: 'added', image: 'added:v1' } },
    { path: `${at}/containers/0`, operator: 'add', value: { name: 'first', image: `first@${D('e')}` } },
    { path: `${at}/containers/-1/image`, operator: 'replace', value: 'last:v1' },
    { path: `${at}/containers/1`, operator: 'remove' },
    { path: `${at}/initContainers`, operator: 'remove' },
    { path: `${at}/initContainers`, operator: 'add', value: [{ name: 'init', image: 'init:plain' }] },
    { path: '/metadata/labels/tier', operator: 'add', value: 'gold' },
    { path: '/metadata/labels/tier', operator: 'remove' },
  ];
}

const FIELD_OVERRIDERS = [
  { fieldPath: '/metadata/annotations/json', json: [{ subPath: '/image', operator: 'replace', value: 'b' }, { subPath: '/list/-', operator: 'add', value: 3 }] },
  { fieldPath: '/metadata/annotations/json', json: [{ subPath: '/none', operator: 'remove' }] },
  { fieldPath: '/metadata/annotations/yaml', yaml: [{ subPath: '/list/1', operator: 'replace', value: 9 }] },
  { fieldPath: '/metadata/annotations/yaml', yaml: [{ subPath: '/list/2', operator: 'replace', value: 9 }] },
  { fieldPath: '/metadata/annotations/text', json: [{ subPath: '/a', operator: 'add', value: 1 }] },
];
