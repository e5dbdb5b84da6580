import assert from 'node:assert/strict';
import { trustSource, type TrustSource } from '../../src/signatures/trust-recipe.ts';
import { type CompileContext, compilePolicy, type RawPolicyObject } from '../../src/verification/policy/compile.ts';
import type { CompiledPolicy, CompileResult } from '../../src/verification/policy/compiled-policy.ts';
import type { ResolvedReference } from '../../src/verification/policy/references.ts';
import type { RawPolicy } from './builders.ts';
import { createWorld } from './sigstore/world.ts';

const worlds = new Map<string, { readonly json: string; readonly source: TrustSource }>();

/** The trust root of a private Sigstore by this name, the same one each time; as text and as what policies are compiled with. */
export function sigstore(name: string): { readonly json: string; readonly source: TrustSource } {
  const known = worlds.get(name);
  if (known !== undefined) return known;
  const json = createWorld().trustedRootJson;
  const world = { json, source: trustSource('TrustedRoot', json) };
  worlds.set(name, world);
  return world;
}

/** Compiles a policy with these references (`Secret/name/key` → text) and the trust root of the Sigstore `operator`. */
export function compile(object: RawPolicy, references: Readonly<Record<string, string | ResolvedReference>> = {}, context: Partial<CompileContext> = {}): CompileResult {
  const resolved = Object.entries(references).map(([id, value]) => [id, typeof value === 'string' ? ({ status: 'Found', value } as const) : value] as const);
  return compilePolicy(object as unknown as RawPolicyObject, { references: new Map(resolved), trustRoot: sigstore('operator').source, ...context });
}

/** The compiled policy; fails the test where it is refused. */
export function compiled(...args: Parameters<typeof compile>): CompiledPolicy {
  const result = compile(...args);
  assert.ok(result.status === 'compiled', result.status === 'refused' ? `${result.field}: ${result.message}` : '');
  return result.policy;
}
