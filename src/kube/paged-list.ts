import { ApiError } from './api-error.ts';
import type { KubeClient, ListPage } from './client.ts';
import type { KubeObject, Resource } from './object.ts';

/** Which objects of a resource are meant. */
export interface Selection {
  /** All namespaces where it is left out. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only `metadata` of each object. */
  readonly metadataOnly?: boolean;
}

/**
 * Hands every page to `onPage` and returns the resource version of the whole list, which is one consistent state. A page
 * that is too large for one answer is asked for again in halves. Throws ApiError, `Gone` when the list took longer than
 * the server keeps old states: then start again.
 */
export async function listInPages(
  client: KubeClient,
  resource: Resource,
  options: Selection & { readonly pageSize: number; readonly signal: AbortSignal },
  onPage: (items: readonly KubeObject[]) => void,
): Promise<string> {
  const { pageSize, ...selection } = options;
  let limit = pageSize;
  let next: string | undefined;
  for (;;) {
    let page: ListPage;
    try {
      page = await client.list(resource, { ...selection, limit, ...(next === undefined ? {} : { continue: next }) });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'TooLarge' || limit <= 1) throw error;
      limit = Math.ceil(limit / 2);
      continue;
    }
    onPage(page.items);
    if (page.continue === undefined) return page.resourceVersion;
    next = page.continue;
  }
}
