import type { WatchOptions } from '../../../src/kube/client.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import type { KubeObject, ObjectRef, Resource } from '../../../src/kube/object.ts';
import type { WatchEvent } from '../../../src/kube/watch-stream.ts';
import type { ReconcileContext } from '../../../src/runtime/controller.ts';
import type { ImageVerdict, JudgingPolicy, PolicyVerdict, VerificationEngine, VerificationRequest } from '../../../src/verification/types.ts';
import { recordedLog } from '../../support/recorded-log.ts';
import { D1, NOW } from './builders.ts';

/** A call to the API server, as a reconcile made it. */
export interface Call {
  readonly verb: string;
  readonly resource: Resource;
  readonly ref: ObjectRef;
  readonly body?: unknown;
  readonly options?: unknown;
}

type Answer = KubeObject | Error;

/** The contract of an API client; what it answers is the test's to say, and calls are kept. */
export class StandInClient implements KubeClient {
  readonly host = 'api.example';
  readonly calls: Call[] = [];
  /** Answers `get` and `patch`; default: the object by its name, one version on each time. */
  answer: (call: Call) => Answer | Promise<Answer> = ({ ref }) => ({ metadata: { name: ref.name, resourceVersion: String((this.#version += 1)) } });
  readonly #watchers = new Map<string, (event: WatchEvent) => void>();
  #version = 1000;

  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T> {
    return this.#call({ verb: 'get', resource, ref });
  }

  patch<T extends KubeObject>(resource: Resource, ref: ObjectRef, body: unknown, options?: unknown): Promise<T> {
    return this.#call({ verb: 'patch', resource, ref, body, options });
  }

  /** Open until its signal aborts; {@link emit} feeds it. */
  async watch<T extends KubeObject>(resource: Resource, { namespace, fieldSelector, signal, onOpen }: WatchOptions, onEvent: (event: WatchEvent<T>) => void): Promise<void> {
    this.#watchers.set(`${resource.plural}/${namespace}/${fieldSelector}`, onEvent as (event: WatchEvent) => void);
    onOpen?.();
    await new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    });
  }

  /** An event on the watch of one object. */
  emit(plural: string, type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    this.#watchers.get(`${plural}/${object.metadata.namespace}/metadata.name=${object.metadata.name}`)?.({ type, object });
  }

  list(): never {
    throw new Error('nothing lists here');
  }

  create<T extends KubeObject>(_: Resource, __: string | undefined, ___: unknown): Promise<T> {
    throw new Error('nothing creates here');
  }

  delete(): never {
    throw new Error('nothing deletes here');
  }

  getPath(): never {
    throw new Error('nothing asks for paths here');
  }

  getDocument(): never {
    throw new Error('nothing asks for documents here');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #call<T extends KubeObject>(call: Call): Promise<T> {
    this.calls.push(call);
    const answer = await this.answer(call);
    if (answer instanceof Error) throw answer;
    return answer as T;
  }
}

/** The contract of the engine; verified unless the test says otherwise, and requests are kept. */
export class StandInEngine implements VerificationEngine {
  readonly requests: VerificationRequest[] = [];
  /** The digest that a tag has. */
  resolve: (request: VerificationRequest) => ImageVerdict['digest'] = () => D1;
  /** What a policy says of an image. */
  say: (request: VerificationRequest, policy: JudgingPolicy) => Partial<PolicyVerdict> = () => ({});
  retryAfter: number | undefined;

  async verify(request: VerificationRequest): Promise<ImageVerdict> {
    this.requests.push(request);
    const { image, policies, signal } = request;
    signal?.throwIfAborted();
    const digest = image.digest ?? this.resolve(request);
    const verdicts = policies.map((policy): PolicyVerdict => ({
      policy: policy.key, result: 'Verified', reason: 'SignatureValid', message: 'signed', verifiedAt: NOW, ...this.say(request, policy),
    }));
    return { image, policies: verdicts, ...(digest === undefined ? {} : { digest }), ...(this.retryAfter === undefined ? {} : { retryAfter: this.retryAfter }) };
  }
}

/** What a reconcile is given beside its key; `lines` is what it logged. */
export function context(signal: AbortSignal = new AbortController().signal): ReconcileContext & { readonly log: ReturnType<typeof recordedLog> } {
  return { signal, log: recordedLog() };
}
