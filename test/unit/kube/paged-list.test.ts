import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../../src/kube/api-error.ts';
import type { KubeClient, ListOptions, ListPage } from '../../../src/kube/client.ts';
import type { KubeObject, Resource } from '../../../src/kube/object.ts';
import { listInPages } from '../../../src/kube/paged-list.ts';

const PODS: Resource = { group: '', version: 'v1', kind: 'Pod', plural: 'pods', namespaced: true };
const MIB = 1024 * 1024;

/** Lists objects of these sizes, in bytes, as an API server does; an answer that is larger than was asked for is refused. */
class Lister {
  readonly limits: number[] = [];
  readonly pages: number[] = [];
  readonly #sizes: readonly number[];

  constructor(sizes: readonly number[]) {
    this.#sizes = sizes;
  }

  async run(pageSize: number): Promise<string[]> {
    const names: string[] = [];
    const client = { list: (_: Resource, options: ListOptions) => this.#list(options) } as unknown as KubeClient;
    await listInPages(client, PODS, { pageSize, signal: new AbortController().signal }, (items) => {
      names.push(...items.map(({ metadata }) => metadata.name));
      this.pages.push(items.length);
    });
    return names;
  }

  #list({ limit = 0, continue: from = '0', maxBytes = Infinity }: ListOptions): Promise<ListPage> {
    this.limits.push(limit);
    const start = Number(from);
    const sizes = this.#sizes.slice(start, start + limit);
    if (sizes.reduce((sum, size) => sum + size, 0) > maxBytes) return Promise.reject(new ApiError('TooLarge', 'list pods: the answer is too large'));
    const items = sizes.map((_, index): KubeObject => ({ metadata: { name: `p${start + index}`, resourceVersion: '1' } }));
    const next = start + limit < this.#sizes.length ? { continue: String(start + limit) } : {};
    return Promise.resolve({ items, resourceVersion: '7', ...next });
  }
}

const cases: Record<string, { sizes: readonly number[]; pageSize: number; limits: readonly number[] }> = {
  'small objects come by the page': { sizes: Array.from({ length: 5 }, () => 100), pageSize: 2, limits: [2, 2, 2] },
  'no page is parsed that is many times the size of an object': { sizes: Array.from({ length: 200 }, () => MIB), pageSize: 200, limits: [200, 100, 50, 25, 13, 7, 4, 4, 4, 4, ...Array.from({ length: 11 }, () => [8, 4, 4, 4, 4]).flat(), 8, 4, 4] },
  'after large objects small ones come by the page again': { sizes: [...Array.from({ length: 4 }, () => 2 * MIB), ...Array.from({ length: 28 }, () => 100)], pageSize: 8, limits: [8, 4, 2, 2, 2, 2, 4, 4, 4, 4, 8] },
  'an object that is larger than a page comes alone': { sizes: [100, 6 * MIB, 100], pageSize: 2, limits: [2, 1, 1, 1] },
};

for (const [sentence, { sizes, pageSize, limits }] of Object.entries(cases)) {
  test(sentence, async () => {
    const lister = new Lister(sizes);
    assert.deepEqual(await lister.run(pageSize), sizes.map((_, index) => `p${index}`));
    assert.deepEqual(lister.limits, limits);
  });
}
