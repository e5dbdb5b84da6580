import { connect } from '../../src/kube/connect.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import type { Resource } from '../../src/kube/object.ts';
import type { Any } from './installation.ts';

const DEPLOYMENTS: Resource = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true };

/** Many requests to the API server at once, which kubectl sends one after another. */
export interface Bulk {
  readonly client: KubeClient;
  /** Creates Deployments. */
  create(deployments: readonly Any[]): Promise<void>;
  /** All Deployments of a namespace. */
  list(namespace: string): Promise<Any[]>;
  /** Merges a body into Deployments of a namespace, or into their status. */
  merge(namespace: string, names: readonly string[], body: object, subresource?: 'status'): Promise<void>;
  remove(namespace: string, names: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Works on all items, `width` of them at the same time. What fails first ends it. */
export async function inParallel<Item>(items: Iterable<Item>, width: number, work: (item: Item) => Promise<unknown>): Promise<void> {
  const queue = items[Symbol.iterator]();
  await Promise.all(Array.from({ length: width }, async () => {
    for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value);
  }));
}

/** Connects as whoever the kubeconfig names; `width` requests at once. */
export function connectBulk(kubeconfig: string, width = 16): Bulk {
  const { client } = connect({ kubeconfig });
  const each = <Item>(items: Iterable<Item>, work: (item: Item) => Promise<unknown>): Promise<void> => inParallel(items, width, work);
  return {
    client,
    create: (deployments) => each(deployments, (one) => client.create(DEPLOYMENTS, one.metadata.namespace, one)),
    merge: (namespace, names, body, subresource) =>
      each(names, (name) => client.patch(DEPLOYMENTS, { namespace, name }, { type: 'merge', body }, subresource === undefined ? {} : { subresource })),
    remove: (namespace, names) => each(names, (name) => client.delete(DEPLOYMENTS, { namespace, name })),
    async list(namespace) {
      const found: Any[] = [];
      for (let token: string | undefined; ;) {
        const page = await client.list<Any>(DEPLOYMENTS, { namespace, limit: 500, ...(token === undefined ? {} : { continue: token }) });
        found.push(...page.items);
        token = page.continue;
        if (token === undefined) return found;
      }
    },
    close: () => client.close(),
  };
}
