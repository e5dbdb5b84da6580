import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { startDockerRegistry } from '../support/registry-docker.ts';
import { startPrometheus } from '../support/prometheus.ts';
import { startRegistry } from '../support/registry.ts';

const exporter = createServer((_, response) => response.setHeader('content-type', 'text/plain; version=0.0.4').end('# TYPE answers gauge\nanswers{of="life"} 42\n'));

after(() => exporter.close());

describe('the real Prometheus of the test bed', () => {
  it('scrapes what it is told to and answers queries about it', async (t) => {
    await new Promise<void>((resolve) => exporter.listen(0, '127.0.0.1', resolve));
    const { port } = exporter.address() as AddressInfo;
    const prometheus = await startPrometheus({ scrape: [{ job_name: 'exporter', static_configs: [{ targets: [`127.0.0.1:${port}`] }] }] });
    if ('missing' in prometheus) return t.skip(prometheus.missing);
    const [sample] = await prometheus.until('answers', (samples) => samples.length === 1);
    assert.deepEqual([sample?.metric['of'], sample?.metric['job'], sample?.value], ['life', 'exporter', 42]);
    assert.deepEqual((await prometheus.targets()).map(({ health, lastError }) => ({ health, lastError })), [{ health: 'up', lastError: '' }]);
    await assert.rejects(prometheus.query('sum('), /parse error/);
    await prometheus.stop();
  });
});

const DIGEST = `sha256:${'a'.repeat(64)}`;

async function referrers(host: string): Promise<number> {
  return (await fetch(`http://${host}/v2/some/app/referrers/${DIGEST}`)).status;
}

/** A repository exists once it has a manifest; a registry may answer 404 before that. */
async function push(host: string): Promise<void> {
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const body = JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] });
  const { status } = await fetch(`http://${host}/v2/some/app/manifests/1`, { method: 'PUT', body, headers: { 'content-type': mediaType } });
  assert.equal(status, 201);
}

describe('the real registries of the test bed', () => {
  it('go-containerregistry serves the referrers API, or leaves it out when it is told to', async () => {
    for (const [option, expected] of [[true, 200], [false, 404]] as const) {
      const registry = await startRegistry({ referrers: option });
      await push(registry.host);
      assert.equal(await referrers(registry.host), expected, `referrers: ${option}`);
      await registry.stop();
      await assert.rejects(fetch(`http://${registry.host}/v2/`));
    }
  });

  it('docker-registry 2.8 takes images and has no referrers API', async (t) => {
    const registry = await startDockerRegistry();
    if ('missing' in registry) return t.skip(registry.missing);
    await push(registry.host);
    assert.equal(await referrers(registry.host), 404);
    await registry.stop();
  });
});
