import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { highestPolicy } from '../../../src/karmada/choose-policy.ts';
import { clusterFields, clusterMatches, zonesMatch, type AffineCluster } from '../../../src/karmada/cluster-affinity.ts';
import { imagePatches } from '../../../src/karmada/image-overrider.ts';
import { formatImage, parseImage, splitHostname } from '../../../src/karmada/image-parser.ts';
import { applyPatch, type PatchOperation } from '../../../src/karmada/json-patch.ts';
import { fieldOf } from '../../../src/karmada/json.ts';
import { bindingName, clusterOfSpace, executionSpaceName, isReservedNamespace, policyName, workName } from '../../../src/karmada/names.ts';
import { projectCluster } from '../../../src/karmada/project-cluster.ts';
import { projectPropagationPolicy, selectorOf } from '../../../src/karmada/project-policy.ts';
import { OverrideError } from '../../../src/karmada/refusal.ts';
import { highestScore, selectedOf, selectorScore, uniqueKinds } from '../../../src/karmada/selectors.ts';
import { isDispatchingSuspended, mergeSuspension } from '../../../src/karmada/suspension.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { corpusRows, skipWithoutCorpus } from '../../support/corpus.ts';

/** One vector; which fields it has is told by its function. */
type Row = Readonly<Record<string, unknown>> & { readonly id: string; readonly function?: string; readonly name: string; readonly expect: unknown };

/** What a row of one function must give. */
type Check = (row: Row) => void;

/** Rows by file and function: as many as there are, so that none is passed over. */
const COUNTS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'karmada-imageoverride': { imageOverride: 138 },
  'karmada-imageparser': { parse: 33, splitHostname: 6 },
  'karmada-names': { bindingName: 7, workName: 3, executionSpaceName: 1, clusterName: 3, isReservedNamespace: 4, policyName: 2 },
  'karmada-policy-priority': { higherPriorityByName: 8, highestPriorityPolicy: 18 },
  'karmada-selector': {
    resourceMatches: 4,
    resourceSelectorPriority: 12,
    clusterMatches: 38,
    resourceMatchSelectors: 5,
    resourceMatchSelectorsPriority: 4,
    extractClusterFields: 4,
    matchZones: 8,
    extractUniqueNamespacedSelectors: 6,
  },
  'karmada-suspend': { mergePolicySuspension: 6, shouldSuspendDispatching: 6 },
};

const CHECKS: Readonly<Record<string, Check>> = {
  imageOverride: checkImageOverride,
  parse: ({ input, expect }) => {
    if (fieldOf(expect, 'error') === true) return assert.throws(() => parseImage(String(input)), isCode('ImageInvalid'));
    const parts = parseImage(String(input));
    assert.deepEqual({ ...parts, string: formatImage(parts) }, expect);
  },
  splitHostname: ({ input, expect }) => assert.deepEqual(splitHostname(String(input)), expect),
  bindingName: ({ input, expect }) => assert.equal(bindingName(text(input, 'kind'), text(input, 'name')), expect),
  workName: ({ input, expect }) => assert.equal(workName(text(input, 'kind'), text(input, 'name'), text(input, 'namespace')), expect),
  executionSpaceName: ({ input, expect }) => assert.equal(executionSpaceName(text(input, 'cluster')), expect),
  clusterName: ({ input, expect }) => assert.equal(clusterOfSpace(text(input, 'executionSpace')), fieldOf(expect, 'error') === true ? undefined : expect),
  isReservedNamespace: ({ input, expect }) => assert.equal(isReservedNamespace(text(input, 'namespace')), expect),
  policyName: ({ input, expect }) => assert.equal(policyName(text(input, 'namespace'), text(input, 'name'), text(input, 'gvk')), expect),
  higherPriorityByName: ({ a, b, expect }) => assert.equal(lowestName([a, b]), expect),
  highestPriorityPolicy: ({ policies, resource, expect }) => {
    const known = list(policies).map((policy) => projectPropagationPolicy(policy as KubeObject));
    for (const order of [known, known.toReversed()]) assert.equal(highestPolicy(order, selectedOf(resource))?.name ?? null, expect);
  },
  resourceMatches: ({ resource, selector, expect }) => assert.equal(selectorScore(selectedOf(resource), selectorOf(selector)) > 0, expect),
  resourceSelectorPriority: ({ resource, selector, expect }) => assert.equal(selectorScore(selectedOf(resource), selectorOf(selector)), expect),
  resourceMatchSelectors: ({ resource, selectors, expect }) => assert.equal(highestScore(selectedOf(resource), list(selectors).map(selectorOf)) > 0, expect),
  resourceMatchSelectorsPriority: ({ resource, selectors, expect }) => assert.equal(highestScore(selectedOf(resource), list(selectors).map(selectorOf)), expect),
  clusterMatches: ({ cluster, affinity, expect }) => assert.equal(clusterMatches(clusterOf(cluster), affinity), expect),
  extractClusterFields: ({ cluster, expect }) => assert.deepEqual(clusterFields(clusterOf(cluster)), expect),
  matchZones: ({ requirement, zones, expect }) => assert.equal(zonesMatch(requirement, list(zones).map(String)), expect),
  extractUniqueNamespacedSelectors: ({ selectors, expect }) => assert.deepEqual(uniqueKinds(list(selectors).map(selectorOf)), expect ?? []),
  mergePolicySuspension: ({ binding, policy, expect }) => assert.deepEqual(mergeSuspension(binding, policy) ?? null, expect),
  shouldSuspendDispatching: ({ suspension, cluster, expect }) => assert.equal(isDispatchingSuspended(suspension, String(cluster)), expect),
};

for (const [file, functions] of Object.entries(COUNTS)) {
  const path = `corpus/policy/${file}.jsonl`;
  describe(file, { skip: skipWithoutCorpus(path) }, () => {
    const byFunction = Object.groupBy(corpusRows(path) as readonly Row[], (row) => row.function ?? 'imageOverride');
    test('has as many rows as were counted, and each is looked at', () => {
      assert.deepEqual(Object.fromEntries(Object.entries(byFunction).map(([name, rows]) => [name, rows?.length])), functions);
    });
    for (const [name, rows] of Object.entries(byFunction)) {
      for (const row of rows ?? []) test(`${name} ${row.id}: ${row.name}`, () => CHECKS[name]?.(row));
    }
  });
}

test('the counts are those of all 316 vectors', () => {
  const counts = Object.values(COUNTS).flatMap((functions) => Object.values(functions));
  assert.equal(counts.reduce((sum, count) => sum + count), 316);
  assert.deepEqual(Object.values(COUNTS).flatMap((functions) => Object.keys(functions)).filter((name) => CHECKS[name] === undefined), []);
});

function checkImageOverride({ object, overriders, expect }: Row): void {
  const before = JSON.stringify(object);
  const apply = (): { readonly object: unknown; readonly patches: readonly (readonly PatchOperation[])[] } => {
    const patches: (readonly PatchOperation[])[] = [];
    let current = object;
    for (const overrider of list(overriders)) {
      const made = imagePatches(current, overrider);
      patches.push(made);
      current = applyPatch(current, made);
    }
    return { object: current, patches };
  };
  if (fieldOf(expect, 'error') === true) assert.throws(apply, (error) => error instanceof OverrideError && error.code !== 'Panic' && error.code !== 'NotModelled');
  else if (fieldOf(expect, 'panic') === true) assert.throws(apply, isCode('Panic'));
  else {
    const result = apply();
    assert.deepEqual(result.patches, fieldOf(expect, 'patches'));
    for (const [pointer, image] of Object.entries(fieldOf(expect, 'images') as object)) assert.equal(valueAt(result.object, pointer), image, pointer);
  }
  assert.equal(JSON.stringify(object), before, 'the object was changed');
}

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof OverrideError && error.code === code;
}

function lowestName(policies: readonly unknown[]): string | undefined {
  const selectors = [{ apiVersion: 'v1', kind: 'Pod' }];
  const known = policies.filter((policy) => policy !== null).map((policy) => ({ name: text(fieldOf(policy, 'metadata'), 'name'), priority: 0, resourceSelectors: selectors, deleting: false }));
  return highestPolicy(known, { apiVersion: 'v1', kind: 'Pod', namespace: 'team', name: 'web', labels: {} })?.name;
}

function clusterOf(object: unknown): AffineCluster {
  return projectCluster({ metadata: { name: '' }, ...(object as Partial<KubeObject>) });
}

function valueAt(object: unknown, pointer: string): unknown {
  return pointer.split('/').slice(1).reduce<unknown>((value, step) => (Array.isArray(value) ? (value as readonly unknown[])[Number(step)] : fieldOf(value, step)), object);
}

function text(object: unknown, field: string): string {
  const value = fieldOf(object, field);
  return typeof value === 'string' ? value : '';
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
