import assert from 'node:assert/strict';
import type { Any } from './api-reader.ts';
import type { Cluster } from './cluster.ts';

export type { Any };

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
export function get(cluster: Cluster, namespace: string, kind: string, name: string): Promise<Any> {
  return cluster.reader.get(kind, namespace, name);
}

/** Reads a list; an empty namespace: of all. */
export function list(cluster: Cluster, namespace: string, kind: string, labelSelector?: string): Promise<Any[]> {
  return cluster.reader.list(kind, namespace, labelSelector);
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
