import { parseImageReference } from '../../src/api/image-reference.ts';
import { systemClock } from '../../src/base/clock.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import type { Keychain } from '../../src/registry/types.ts';
import { trustSource } from '../../src/signatures/trust-recipe.ts';
import { createEngine } from '../../src/verification/engine.ts';
import type { CompiledPolicy } from '../../src/verification/policy/compiled-policy.ts';
import type { ImageVerdict } from '../../src/verification/types.ts';
import { type Ran, run } from '../unit/cli/context.ts';
import { policy } from './builders.ts';
import { compiled } from './compile.ts';
import { type FaultyRegistry, startFaulty } from './faulty-registry.ts';
import { startRegistry } from './registry.ts';
import { type PushedImage, pushImage } from './sigstore/push.ts';
import { createWorld, type World } from './sigstore/world.ts';

/** What was said of an image: the engine's answer, and of its first policy the words. */
export interface Judged {
  readonly verdict: ImageVerdict;
  readonly result: string;
  readonly reason: string;
  readonly message: string;
}

/** The real engine, and the real command, before a real registry that a test may let lie; and a private Sigstore. */
export interface Trial {
  readonly world: World;
  readonly registry: FaultyRegistry;
  /** Paths of the requests that reached the registry since {@link Trial.forget}: `HEAD app-1/manifests/v1`. */
  readonly requests: readonly string[];
  forget(): void;
  /** How often something had to be judged, because no verdict was at hand, since {@link Trial.forget}. */
  judgements(): number;
  /** A new image, by the registry's name. */
  push(tag?: string): Promise<PushedImage>;
  /** A policy over every image of the registry, with these fields of its spec. */
  policy(spec: Record<string, unknown>): CompiledPolicy;
  judge(policy: CompiledPolicy, reference: string, keychain?: Keychain): Promise<Judged>;
  /** A new engine, which remembers nothing. */
  restart(): void;
  /** `assay verify` with these arguments; `trusted_root.json` is the world's. */
  verify(args: readonly string[], files?: Readonly<Record<string, string>>): Promise<Ran>;
  stop(): Promise<void>;
}

/** Sets a trial up. */
export async function startTrial(): Promise<Trial> {
  const world = createWorld();
  const origin = await startRegistry();
  const registry = await startFaulty(origin.host);
  const client = createRegistryClient({ hosts: { allowHttp: [registry.host] } });
  let [judged, names] = [0, 0];
  const engine = (): ReturnType<typeof createEngine> => createEngine({ registry: client, clock: systemClock, hooks: { onVerification: () => void (judged += 1) } });
  let current = engine();
  const requests: string[] = [];
  registry.watch(({ method, url }) => requests.push(`${method} ${(url ?? '').replace(/^\/v2\//, '')}`));
  const context = { trustRoot: trustSource('TrustedRoot', world.trustedRootJson) };
  return {
    world,
    registry,
    requests,
    judgements: () => judged,
    forget: () => {
      requests.length = 0;
      judged = 0;
    },
    push: (tag = 'v1') => pushImage(registry.host, `app-${String((names += 1)).padStart(3, '0')}:${tag}`),
    policy: (spec) => compiled(policy({ images: [{ glob: `${registry.host}/**` }], ...spec }, { kind: 'ClusterImageVerification' }), {}, context),
    restart: () => void (current = engine()),
    async judge(wanted, reference, keychain = anonymousKeychain) {
      const verdict = await current.verify({ image: parseImageReference(reference), policies: [wanted], keychain });
      const [first] = verdict.policies;
      return { verdict, result: first?.result ?? '', reason: first?.reason ?? '', message: first?.message ?? '' };
    },
    verify: (args, files = {}) => run(args, { files: { 'trusted_root.json': world.trustedRootJson, ...files }, registry: client }),
    async stop() {
      await client.close();
      await registry.stop();
      await origin.stop();
    },
  };
}
