import assert from 'node:assert/strict';
import type { Cluster } from './cluster.ts';

/** Any API object, as kubectl prints it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Any = any;

/** kubectl as the admin; a failure fails the test with what kubectl said. */
export async function run(cluster: Cluster, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input);
  assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Applies objects. */
export async function apply(cluster: Cluster, ...objects: readonly object[]): Promise<void> {
  await run(cluster, ['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
}

/** Reads one object. */
export async function get(cluster: Cluster, namespace: string, kind: string, name: string): Promise<Any> {
  return JSON.parse(await run(cluster, ['get', kind, name, '-n', namespace, '-o', 'json']));
}

/** Reads a list. */
export async function list(cluster: Cluster, namespace: string, kind: string, ...args: readonly string[]): Promise<Any[]> {
  return JSON.parse(await run(cluster, ['get', kind, '-n', namespace, '-o', 'json', ...args])).items;
}

/** A Deployment whose containers run these images: `c0`, `c1` …; no node ever runs it. */
export function deployment(namespace: string, name: string, images: readonly string[], pod: object = {}, metadata: object = {}): Any {
  const containers = images.map((image, index) => ({ name: `c${index}`, image }));
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name, ...metadata },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers, ...pod } } },
  };
}

/** An ImageVerification with one keyed authority over all images of a registry. */
export function keyedPolicy(namespace: string, name: string, glob: string, pem: string, spec: object = {}): Any {
  return {
    apiVersion: 'assay.dev/v1alpha1',
    kind: 'ImageVerification',
    metadata: { namespace, name },
    spec: { images: [{ glob }], authorities: [{ name: 'release-key', key: { data: pem } }], ...spec },
  };
}
