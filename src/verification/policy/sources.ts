import { parseImageReference } from '../../api/image-reference.ts';
import type { PolicySpecAuthority } from '../../api/v1alpha1.gen.ts';
import { dockerConfigKeychain, mergeKeychains } from '../../registry/keychain.ts';
import type { Keychain } from '../../registry/types.ts';
import type { CompiledAuthority, CompiledSource, JudgingPolicy } from '../types.ts';
import { PULL_SECRET_KEY, referenceId, resolve, type ResolvedReference, type ResolvedReferences } from './references.ts';
import { Refused, refusing } from './refused.ts';

/**
 * Reads where an authority's signatures are kept (api.md, Authorities).
 * @throws Refused
 */
export function compileSources({ source = [] }: PolicySpecAuthority, field: string): readonly CompiledSource[] {
  return source.map(({ oci, tagPrefix = '', signaturePullSecrets = [] }, index) => {
    const path = `${field}.source[${index}]`;
    const repository = refusing(`${path}.oci`, () => parseImageReference(oci));
    if (/@|:[^/]*$/.test(oci)) {
      throw new Refused(`${path}.oci`, `"${oci}" has a tag or digest; name the repository alone, such as registry.example/signatures`);
    }
    if (!/^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,47})?$/.test(tagPrefix)) {
      throw new Refused(`${path}.tagPrefix`, 'is no beginning of a tag: it has letters, digits, _ . and -, at most 48, and starts with none of . and -');
    }
    return { host: repository.host, path: repository.path, tagPrefix, pullSecrets: signaturePullSecrets.map(({ name }) => name) };
  });
}

/** Characters of all pull secrets of a policy, each counted once: reading them takes some ten milliseconds, and nothing else runs meanwhile. */
const MAX_PULL_SECRETS = 1024 * 1024;

/**
 * The credentials of each source of a policy that names any, out of its pull secrets.
 * @throws Refused where one is missing or cannot be read, or they are too large together
 */
export function compileSourceKeychains(authorities: readonly CompiledAuthority[], references: ResolvedReferences): Pick<JudgingPolicy, 'sourceKeychain'> {
  const keychains = new Map<string, Keychain>();
  const counted = new Set<string>();
  let size = 0;
  const keychainOf = (name: string, field: string): Keychain => {
    const reference = { kind: 'Secret', name, key: PULL_SECRET_KEY, field } as const;
    const text = resolve(reference, references);
    size += counted.has(name) ? 0 : text.length;
    counted.add(name);
    if (size > MAX_PULL_SECRETS) {
      throw new Refused(field, `makes the pull secrets of this policy larger than ${MAX_PULL_SECRETS} characters together; remove from them what is for other registries`);
    }
    return readKeychain(name, field, text, references.get(referenceId(reference)));
  };
  for (const [at, { sources }] of authorities.entries()) {
    for (const [index, source] of sources.entries()) {
      if (source.pullSecrets.length === 0) continue;
      const field = `spec.authorities[${at}].source[${index}].signaturePullSecrets`;
      keychains.set(idOf(source), mergeKeychains(source.pullSecrets.map((name, secret) => keychainOf(name, `${field}[${secret}]`))));
    }
  }
  return keychains.size === 0 ? {} : { sourceKeychain: (source) => keychains.get(idOf(source)) };
}

/** What was read of each, once for all policies that name it and for each place where they do. */
const read = new WeakMap<ResolvedReference, Keychain>();

function readKeychain(name: string, field: string, text: string, source: ResolvedReference | undefined): Keychain {
  const known = source && read.get(source);
  if (known !== undefined) return known;
  const { keychain } = refusing(field, () => dockerConfigKeychain(Buffer.from(text), 'config.json', `Secret ${name}`));
  if (source !== undefined) read.set(source, keychain);
  return keychain;
}

function idOf({ pullSecrets }: CompiledSource): string {
  return JSON.stringify(pullSecrets);
}
