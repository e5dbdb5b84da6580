import { digestOf, isDigest } from '../../../src/base/digest.ts';
import type { Digest } from '../../../src/base/digest.ts';
import type { Descriptor, Keychain, Manifest, RegistryCall, RegistryClient, RepositoryName } from '../../../src/registry/types.ts';
import { RegistryError } from '../../../src/registry/types.ts';

export const ANONYMOUS: Keychain = { scope: 'anonymous', lookup: async () => undefined };
const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** The contract of a registry client over maps; what a call answers or throws can be replaced, and calls are counted. */
export class MemoryRegistry implements RegistryClient {
  /** `verb argument`, in the order of the calls. */
  readonly calls: string[] = [];
  readonly #manifests = new Map<string, Manifest>();
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #referrers = new Map<string, Descriptor[]>();
  /** Called before every answer; may throw or wait. */
  before: (call: string, options: RegistryCall) => Promise<void> | void = () => undefined;

  blobOf(content: string): Descriptor {
    const digest = digestOf(content);
    this.#blobs.set(digest, Buffer.from(content));
    return { mediaType: 'application/octet-stream', digest, size: Buffer.byteLength(content) };
  }

  /** Stores a manifest under its digest and, if given, a tag. */
  put(content: object | string, tag?: string): Digest {
    const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content));
    const digest = digestOf(bytes);
    for (const name of [digest, ...(tag === undefined ? [] : [tag])]) this.#manifests.set(name, { digest, mediaType: OCI_MANIFEST, bytes });
    return digest;
  }

  /** A legacy signature manifest with one layer for each payload. */
  sign(digest: Digest, ...layers: readonly { readonly payload: string; readonly annotations: Record<string, string> }[]): void {
    this.put({ layers: layers.map(({ payload, annotations }) => ({ ...this.blobOf(payload), annotations })) }, `${digest.replace(':', '-')}.sig`);
  }

  /** A referrer of `digest`, as the descriptor says. */
  refer(digest: Digest, manifest: object | string, descriptor: Partial<Descriptor> = {}): void {
    const own = { mediaType: OCI_MANIFEST, digest: this.put(manifest), size: 1, ...descriptor };
    this.#referrers.set(digest, [...(this.#referrers.get(digest) ?? []), own]);
  }

  untag(tag: string): void {
    this.#manifests.delete(tag);
  }

  forget(digest: Digest): void {
    this.#blobs.delete(digest);
    this.#manifests.delete(digest);
  }

  async resolveTag(_: RepositoryName, tag: string, call: RegistryCall): Promise<Digest> {
    await this.#enter(`head ${tag}`, call);
    return this.#known(this.#manifests, tag).digest;
  }

  async manifest(_: RepositoryName, reference: string, call: RegistryCall): Promise<Manifest> {
    await this.#enter(`manifest ${isDigest(reference) ? 'digest' : reference.replace(/^sha256-[0-9a-f]+/, 'sha256-…')}`, call);
    return this.#known(this.#manifests, reference);
  }

  async blob(_: RepositoryName, digest: Digest, limit: number, call: RegistryCall): Promise<Uint8Array> {
    await this.#enter('blob', call);
    const bytes = this.#known(this.#blobs, digest);
    if (bytes.length > limit) throw new RegistryError('LimitExceeded', 'the blob is too large');
    return bytes;
  }

  async referrers(_: RepositoryName, digest: Digest, call: RegistryCall): Promise<readonly Descriptor[]> {
    await this.#enter('referrers', call);
    return this.#referrers.get(digest) ?? [];
  }

  async close(): Promise<void> {}

  async #enter(call: string, options: RegistryCall): Promise<void> {
    this.calls.push(call);
    await this.before(call, options);
    options.signal?.throwIfAborted();
  }

  #known<Value>(from: ReadonlyMap<string, Value>, name: string): Value {
    const value = from.get(name);
    if (value === undefined) throw new RegistryError('NotFound', `${name} is not there`);
    return value;
  }
}
