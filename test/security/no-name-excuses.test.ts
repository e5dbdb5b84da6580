import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { parseImageReference } from '../../src/api/image-reference.ts';
import { imagesOf } from '../../src/api/pod-images.ts';
import { clusterPolicy, policy } from '../support/builders.ts';
import { compiled } from '../support/compile.ts';

/*
 * CVE-2026-78427: images of a service mesh were let through by their names, which anybody can give to theirs. CVE-2024-48921: an exception that somebody
 * wrote elsewhere, or several together, excused more than was meant. Nothing is excused here but what the policy itself excuses, from itself.
 */

const everything = compiled(clusterPolicy({ images: [{ glob: '**' }] }));
const governs = (image: string): boolean => everything.governsImage(parseImageReference(image).name);

/** What other products let through without a word. */
const TRUSTED = [
  'docker.io/istio/proxyv2:1.27', 'istio-proxy', 'proxyv2', 'gcr.io/istio-release/proxyv2', 'cr.l5d.io/linkerd/proxy:edge', 'envoyproxy/envoy', 'hashicorp/consul-dataplane',
  'registry.k8s.io/pause:3.10', 'k8s.gcr.io/pause', 'rancher/mirrored-pause', 'busybox', 'scratch', 'quay.io/cilium/cilium', 'docker.io/karmada/karmada-agent', 'ghcr.io/assay/assay', 'assay', 'localhost/assay',
  '127.0.0.1:5000/assay', '[::1]:5000/assay', 'registry.local/x', 'gcr.io/projectsigstore/cosign', 'attacker.example/registry.k8s.io/pause', 'evilregistry.k8s.io/pause',
];

describe('CVE-2026-78427: a policy over every image', () => {
  test('governs those that others let through by name', () => assert.deepEqual(TRUSTED.filter((image) => !governs(image)), []));

  test('governs whatever is named', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,12}([._-][a-z0-9]{1,8})?$/);
    const host = fc.option(fc.constantFrom('docker.io', 'INDEX.docker.io', 'registry-1.docker.io', 'quay.io', 'localhost', 'localhost:5000', '10.0.0.1:443', 'a.b.c.', 'Registry.K8s.io'));
    fc.assert(fc.property(host, fc.array(part, { minLength: 1, maxLength: 4 }), (registry, parts) => governs([...(registry === null ? [] : [registry]), ...parts].join('/'))), { numRuns: 500, seed: 28 });
  });

  test('governs a container whatever its own name, in each list of a pod', () => {
    const names = ['istio-proxy', 'istio-init', 'linkerd-proxy', 'vault-agent', 'POD', 'assay', ''];
    const containers = names.map((name) => ({ name, image: `evil/${name.toLowerCase() || 'unnamed'}` }));
    const found = imagesOf({ containers, initContainers: containers, ephemeralContainers: containers }, '/spec');
    assert.equal(found.filter(({ image }) => governs(image)).length, names.length * 3);
  });

  test('excuses nothing unless told to', () => {
    for (const image of TRUSTED) assert.equal(everything.exclusion({ name: parseImageReference(image).name }, 0), undefined, image);
  });
});

describe('CVE-2024-48921: an exception', () => {
  const excused = compiled(policy({ images: [{ glob: 'ghcr.io/acme/**' }], exclude: [{ glob: 'ghcr.io/acme/old', reason: 'replaced in May', until: '2026-06-01T00:00:00Z' }, { glob: `ghcr.io/acme/app@sha256:${'1'.repeat(64)}`, reason: 'signed by hand' }] }));
  const at = Date.parse('2026-05-01T00:00:00Z');
  const says = (name: string, digest?: string, now = at): boolean => excused.exclusion({ name, ...(digest === undefined ? {} : { digest: `sha256:${digest.repeat(64)}` as const }) }, now) !== undefined;

  test('excuses the repository that it names, and none that begins or ends like it', () => {
    assert.ok(says('ghcr.io/acme/old'));
    for (const name of ['ghcr.io/acme/older', 'ghcr.io/acme/old/x', 'ghcr.io/acme/very/old', 'evil.example/ghcr.io/acme/old', 'xghcr.io/acme/old', 'docker.io/acme/old']) assert.ok(!says(name), name);
  });
  test('ends when it says so', () => assert.deepEqual([says('ghcr.io/acme/old', undefined, Date.parse('2026-05-31T23:59:59Z')), says('ghcr.io/acme/old', undefined, Date.parse('2026-06-01T00:00:00Z'))], [true, false]));
  test('of a digest excuses that digest, and nothing while no digest is known', () => assert.deepEqual([says('ghcr.io/acme/app', '1'), says('ghcr.io/acme/app', '2'), says('ghcr.io/acme/app')], [true, false, false]));
  test('of one policy is not one of another', () => assert.equal(everything.exclusion({ name: 'ghcr.io/acme/old' }, at), undefined));
});
