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
 * Bytes of a page of several objects. WARNING: a page is read as one text, and nothing else runs while it is parsed: 200 objects of a quarter of a MiB, which a tenant may
 * write, took more than a second and half a GiB.
 */
const PAGE_BYTES = 4 * 1024 * 1024;
/** Pages in a row that were not too large before larger ones are tried: large objects are seldom alone, and each try is work of the API server. */
const PAGES_BEFORE_GROWTH = 4;

/**
 * Hands every page to `onPage` and returns the resource version of the whole list, which is one consistent state. A page
 * that is too large is asked for again in halves, down to single objects; pages grow again behind it. Throws ApiError, `Gone` when the list took longer than
 * the server keeps old states: then start again.
 */
export async function listInPages(
  client: KubeClient,
  resource: Resource,
  options: Selection & { readonly pageSize: number; readonly signal: AbortSignal },
  onPage: (items: readonly KubeObject[]) => void,
): Promise<string> {
  const { pageSize, ...selection } = options;
  let [limit, pages] = [pageSize, 0];
  let next: string | undefined;
  for (;;) {
    let page: ListPage;
    try {
      page = await client.list(resource, { ...selection, limit, ...(limit === 1 ? {} : { maxBytes: PAGE_BYTES }), ...(next === undefined ? {} : { continue: next }) });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'TooLarge' || limit <= 1) throw error;
      [limit, pages] = [Math.ceil(limit / 2), 0];
      continue;
    }
    onPage(page.items);
    if (page.continue === undefined) return page.resourceVersion;
    next = page.continue;
    pages += 1;
    if (pages % PAGES_BEFORE_GROWTH === 0) limit = Math.min(pageSize, limit * 2);
  }
}
