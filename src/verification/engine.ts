import { deadline } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import type { Digest } from '../base/digest.ts';
import { SingleFlight } from '../base/single-flight.ts';
import type { Reason, Result } from '../api/reasons.ts';
import type { RegistryCall, RegistryClient } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import { prove } from '../signatures/prove.ts';
import { EvidenceReader } from './evidence.ts';
import { failureVerdict } from './failure.ts';
import type { Judgement } from './judge.ts';
import type { EngineLimits } from './limits.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { gatherEvidence } from './places.ts';
import type { Judge, Prove } from './prover.ts';
import { Prover } from './prover.ts';
import { staticJudgement } from './refusal.ts';
import type { ImageVerdict, JudgingPolicy, PolicyVerdict, VerificationEngine, VerificationRequest } from './types.ts';
import { VerdictCache } from './verdict-cache.ts';

/** What the engine tells of its work; nobody needs to listen. */
export interface EngineHooks {
  /** One policy judged one image and the answer was not at hand; `seconds` with all look-ups. */
  onVerification?(event: { readonly result: Result; readonly reason: Reason; readonly seconds: number }): void;
}

/** What the engine works with. */
export interface EngineDependencies {
  readonly registry: RegistryClient;
  readonly clock: Clock;
  readonly hooks?: EngineHooks;
  /** Overrides of {@link DEFAULT_LIMITS}. */
  readonly limits?: Partial<EngineLimits>;
  /** Judges; `WorkerJudge` in a long-lived process, else it is done in this thread. */
  readonly judge?: Judge;
  /** Unless there is a `judge`: proves one signature; `src/signatures/prove.ts` unless a test counts the calls. */
  readonly prove?: Prove;
  /** 0 ≤ x < 1; for the jitter. */
  readonly random?: () => number;
}

/** The one engine that says "verified" (verification.md, The pipeline). */
export function createEngine(dependencies: EngineDependencies): VerificationEngine {
  return new Engine(dependencies);
}

interface Resolved {
  readonly request: VerificationRequest;
  readonly digest: Digest;
  readonly call: RegistryCall;
}

class Engine implements VerificationEngine {
  readonly #registry: RegistryClient;
  readonly #clock: Clock;
  readonly #hooks: EngineHooks;
  readonly #limits: EngineLimits;
  readonly #evidence: EvidenceReader;
  readonly #prover: Judge;
  readonly #verdicts: VerdictCache;
  readonly #tags = new SingleFlight<Digest>();

  constructor({ registry, clock, hooks = {}, limits = {}, judge, prove: proof = prove, random = Math.random }: EngineDependencies) {
    this.#registry = registry;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#limits = Object.freeze({ ...DEFAULT_LIMITS, ...limits });
    this.#evidence = new EvidenceReader(registry, clock, this.#limits, judge?.hold);
    this.#prover = judge ?? new Prover(proof, clock, this.#limits);
    this.#verdicts = new VerdictCache(clock, this.#limits, random);
  }

  async verify(request: VerificationRequest): Promise<ImageVerdict> {
    const { image, policies, keychain, signal } = request;
    signal?.throwIfAborted();
    const started = this.#clock.now();
    const call: RegistryCall = { keychain, ...(signal === undefined ? {} : { signal }) };
    // Static policies say the same whatever the registry answers, so nothing is asked for them alone.
    const asks = policies.some((policy) => staticJudgement(policy) === undefined);
    let digest = image.digest;
    if (digest === undefined && asks) {
      try {
        digest = await this.#resolve(request, call);
      } catch (error) {
        signal?.throwIfAborted();
        return this.#answer(request, undefined, policies.map((policy) => this.#failed(policy, error, started)), retryAfterOf([error]));
      }
    }
    if (digest === undefined || !asks) {
      return this.#answer(request, digest, policies.map((policy) => this.#failed(policy, undefined, started)));
    }
    return this.#verifyDigest({ request, digest, call }, started);
  }

  /** The tag's digest now. Concurrent callers share one request; nothing is remembered. */
  #resolve({ image }: VerificationRequest, call: RegistryCall): Promise<Digest> {
    const tag = image.tag ?? 'latest';
    const key = JSON.stringify([image.host, image.path, tag, call.keychain.scope]);
    const work = async (signal: AbortSignal): Promise<Digest> => {
      const limit = deadline(this.#clock, this.#limits.lookup, `resolving ${image.name}:${tag}`, signal);
      try {
        return await this.#registry.resolveTag(image, tag, { ...call, signal: limit.signal });
      } finally {
        limit.cancel();
      }
    };
    return this.#tags.run(key, work, call.signal);
  }

  async #verifyDigest(resolved: Resolved, started: number): Promise<ImageVerdict> {
    const { request, digest } = resolved;
    const failures: unknown[] = [];
    const verdicts: PolicyVerdict[] = [];
    for (const policy of request.policies) {
      const key = this.#verdicts.key(request.image, digest, request.keychain.scope, policy);
      const fresh = this.#verdicts.fresh(key, policy);
      verdicts.push(
        fresh === undefined
          ? await this.#ask(resolved, policy, key, started, failures)
          : verdictOf(policy, fresh.judgement, fresh.verifiedAt),
      );
    }
    return this.#answer(request, digest, verdicts, retryAfterOf(failures));
  }

  async #ask(resolved: Resolved, policy: JudgingPolicy, key: string, started: number, failures: unknown[]): Promise<PolicyVerdict> {
    const judgement = await this.#judge(resolved, policy, key, failures);
    if (judgement.result === 'Unknown') {
      const stale = this.#verdicts.stale(key, policy);
      // A changed policy has another key: only what was verified under this very material can stand in.
      if (stale !== undefined && judgement.reason !== 'PolicyInvalid') {
        return { ...verdictOf(policy, stale.judgement, stale.verifiedAt), stale: true };
      }
    }
    this.#verdicts.settle(key, judgement, policy);
    this.#tell(judgement, started);
    return verdictOf(policy, judgement, this.#clock.now());
  }

  /** Kept evidence can vouch for a signature; refusing on it could overlook one that was added since. */
  async #judge(resolved: Resolved, policy: JudgingPolicy, key: string, failures: unknown[]): Promise<Judgement> {
    const sinceAsked = policy.freshSince === undefined ? Number.POSITIVE_INFINITY : Math.max(0, this.#clock.now() - policy.freshSince);
    const recent = Math.min(this.#limits.negative / 2, sinceAsked);
    const first = await this.#judgeOn(resolved, policy, this.#verdicts.knows(key) ? recent : Math.min(this.#limits.evidenceAge, sinceAsked), failures);
    if (first.judgement.result !== 'Failed' || first.age <= recent) return first.judgement;
    return (await this.#judgeOn(resolved, policy, recent, failures)).judgement;
  }

  async #judgeOn(
    { request: { image, signal }, digest, call }: Resolved,
    policy: JudgingPolicy,
    maxAge: number,
    failures: unknown[],
  ): Promise<{ judgement: Judgement; age: number }> {
    const fixed = staticJudgement(policy);
    if (fixed !== undefined) return { judgement: fixed, age: 0 };
    try {
      const evidence = await gatherEvidence({ reader: this.#evidence, policy, image, digest, call }, maxAge);
      failures.push(...evidence.flatMap((one) => one.failures));
      const now = this.#clock.now();
      const judgement = await this.#prover.judge(policy, { image, digest, evidence, now }, signal);
      return { judgement, age: now - Math.min(...evidence.map(({ fetchedAt }) => fetchedAt)) };
    } catch (error) {
      signal?.throwIfAborted();
      failures.push(error);
      return { judgement: failureVerdict(error), age: 0 };
    }
  }

  /** The verdict of a policy that could not be asked for the image: its static one, if it has one. */
  #failed(policy: JudgingPolicy, error: unknown, started: number): PolicyVerdict {
    const judgement = staticJudgement(policy) ?? failureVerdict(error);
    this.#tell(judgement, started);
    return verdictOf(policy, judgement, this.#clock.now());
  }

  #tell({ result, reason }: Judgement, started: number): void {
    this.#hooks.onVerification?.({ result, reason, seconds: (this.#clock.now() - started) / 1000 });
  }

  #answer({ image }: VerificationRequest, digest: Digest | undefined, policies: PolicyVerdict[], retryAfter?: number): ImageVerdict {
    const asksAgain = policies.some((policy) => policy.result === 'Unknown') && retryAfter !== undefined;
    return { image, policies, ...(digest === undefined ? {} : { digest }), ...(asksAgain ? { retryAfter } : {}) };
  }
}

function verdictOf(policy: JudgingPolicy, judgement: Judgement, verifiedAt: number): PolicyVerdict {
  return { ...judgement, policy: policy.key, verifiedAt };
}

/** The longest wait that a registry asked for. */
function retryAfterOf(failures: readonly unknown[]): number | undefined {
  const waits = failures.flatMap((error) => (error instanceof RegistryError && error.retryAfter !== undefined ? [error.retryAfter] : []));
  return waits.length === 0 ? undefined : Math.max(...waits);
}
