import assert from 'node:assert/strict';
import { it } from 'node:test';
import { digestOf } from '../../../src/base/digest.ts';
import type { RegistryClient } from '../../../src/registry/types.ts';
import type { ReadOptions } from '../../../src/verification/evidence-types.ts';
import { readLayers } from '../../../src/verification/legacy-evidence.ts';

it('the annotations of a signature count against what is kept of its place, and one that does not fit is omitted unfetched', async () => {
  const taken: number[] = [];
  const options: ReadOptions = {
    registry: {} as RegistryClient,
    repository: { host: 'registry.example', path: 'a/b' },
    digest: digestOf('image'),
    call: {} as ReadOptions['call'],
    signatures: 4,
    payload: 1024,
    fetches: 1,
    attestations: false,
    budget: { take: (wanted) => taken.push(wanted) < 0 },
  };
  const annotations = { 'dev.cosignproject.cosign/signature': 'x'.repeat(96), filler: 'y'.repeat(5000) };
  const layer = { mediaType: 'application/json', digest: digestOf('payload'), size: 100, annotations };
  const { candidates, omitted, failures } = await readLayers(options, [layer], 'registry.example/a/b:tag');
  assert.deepEqual([candidates.length, omitted, failures.length], [0, 1, 0]);
  assert.ok((taken[0] ?? 0) >= 5096, `taken: ${taken.join()}`);
});
