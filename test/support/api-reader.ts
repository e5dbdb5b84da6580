import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';

/** Any JSON, as the API server writes it. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Any = any;

/** How long one answer may take; milliseconds. */
const TIMEOUT = 30_000;
const DISCOVERY = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Where objects of a kind are. */
interface Place {
  readonly prefix: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly apiVersion: string;
  readonly kind: string;
}

/** What is patched, and how: RFC 7386 (merge) or RFC 6902 (json). */
export interface Patch {
  readonly type: 'merge' | 'json';
  readonly body: object;
  readonly subresource?: string;
}

interface Question {
  readonly method: 'GET' | 'PATCH';
  readonly accept: string;
  readonly content?: string;
  readonly body?: string;
}

/**
 * Reads an API server as its admin, by the names that kubectl knows kinds by. A test waits by looking again and again: with a process of
 * kubectl for each look (80 ms of processor time) the looking was most of what the tests cost. What is patched again and again is patched in the same way.
 */
export class ApiReader {
  readonly #url: string;
  readonly #agent: Agent;
  #places: Promise<ReadonlyMap<string, Place>> | undefined;

  /** `kubeconfig`: the path of one with a client certificate in it, as the control plane writes it. */
  constructor(kubeconfig: string) {
    const { clusters, users }: Any = JSON.parse(readFileSync(kubeconfig, 'utf8'));
    const pem = (base64: string): Buffer => Buffer.from(base64, 'base64');
    const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
    const { 'client-certificate-data': cert, 'client-key-data': key } = users[0].user;
    this.#url = server;
    this.#agent = new Agent({ keepAlive: true, ca: pem(ca), cert: pem(cert), key: pem(key) });
  }

  /** One object. Throws what the API server says where there is none. */
  async get(kind: string, namespace: string, name: string): Promise<Any> {
    return this.#read(`${pathOf(await this.#place(kind), namespace)}/${name}`);
  }

  /** All objects of a kind in a namespace; an empty namespace: in all. */
  async list(kind: string, namespace: string, labelSelector?: string): Promise<Any[]> {
    const place = await this.#place(kind);
    const query = labelSelector === undefined ? '' : `?labelSelector=${encodeURIComponent(labelSelector)}`;
    const { items } = await this.#read(`${pathOf(place, namespace)}${query}`);
    return items.map((item: Any) => ({ ...item, apiVersion: place.apiVersion, kind: place.kind }));
  }

  /** Patches one object, as `kubectl patch` would. Throws what the API server says against it. */
  async patch(kind: string, namespace: string, name: string, patch: Patch): Promise<void> {
    const path = `${pathOf(await this.#place(kind), namespace)}/${name}${patch.subresource === undefined ? '' : `/${patch.subresource}`}`;
    const content = `application/${patch.type}-patch+json`;
    await this.#ask(path, { method: 'PATCH', accept: 'application/json', content, body: JSON.stringify(patch.body) });
  }

  async #place(kind: string): Promise<Place> {
    const known = (await this.#places?.catch(() => undefined))?.get(kind.toLowerCase());
    if (known !== undefined) return known;
    // It may have come since.
    this.#places = this.#discover();
    const found = (await this.#places).get(kind.toLowerCase());
    if (found === undefined) throw new Error(`the API server has no ${kind}`);
    return found;
  }

  async #discover(): Promise<ReadonlyMap<string, Place>> {
    const [core, groups] = await Promise.all([this.#read('/api', DISCOVERY), this.#read('/apis', DISCOVERY)]);
    const places = [...core.items, ...groups.items].flatMap(namedPlaces);
    // Of several the first: kubectl prefers the core group, and then the order of the API server.
    return new Map(places.toReversed());
  }

  #read(path: string, accept = 'application/json'): Promise<Any> {
    return this.#ask(path, { method: 'GET', accept });
  }

  async #ask(path: string, question: Question): Promise<Any> {
    const { status, body } = await this.#answer(path, question);
    const answer: Any = JSON.parse(body);
    if (status !== 200) throw new Error(`${question.method} ${path}: ${answer.message ?? status}`);
    return answer;
  }

  #answer(path: string, { method, accept, content, body: sent }: Question): Promise<{ readonly status: number | undefined; readonly body: string }> {
    const headers = { accept, ...(content === undefined ? {} : { 'content-type': content }) };
    return new Promise((resolve, reject) => {
      const asked = request(`${this.#url}${path}`, { method, agent: this.#agent, headers, signal: AbortSignal.timeout(TIMEOUT) }, (response) => {
        text(response).then((body) => resolve({ status: response.statusCode, body }), reject);
      });
      asked.on('error', reject);
      asked.end(sent);
    });
  }
}

function pathOf({ prefix, plural, namespaced }: Place, namespace: string): string {
  return `${prefix}${namespaced && namespace !== '' ? `/namespaces/${namespace}` : ''}/${plural}`;
}

/** Each resource of a group by each of its names, in the versions that the API server prefers first. */
function namedPlaces({ metadata, versions }: Any): [string, Place][] {
  const group = metadata?.name ?? '';
  return versions.flatMap(({ version, resources = [] }: Any) => {
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const prefix = group === '' ? `/api/${version}` : `/apis/${apiVersion}`;
    return resources.flatMap(({ resource, singularResource, shortNames = [], scope, responseKind }: Any) => {
      const place = { prefix, plural: resource, namespaced: scope === 'Namespaced', apiVersion, kind: responseKind.kind };
      const long = [resource, singularResource];
      const names = [...long, ...shortNames, ...(group === '' ? [] : long.map((one: string) => `${one}.${group}`))];
      return names.map((name: string) => [name, place]);
    });
  });
}
