import type { ImageReference } from '../api/image-reference.ts';
import { digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { mergeKeychains } from '../registry/keychain.ts';
import type { RegistryCall } from '../registry/types.ts';
import type { EvidenceReader, Subject } from './evidence.ts';
import type { Evidence } from './evidence-types.ts';
import { merge } from './evidence-types.ts';
import type { CompiledAuthority, CompiledSource, JudgingPolicy } from './types.ts';

/** Whose evidence is gathered, for which policy, and as whom. */
export interface Gathering {
  readonly reader: EvidenceReader;
  readonly policy: Pick<JudgingPolicy, 'authorities' | 'sourceKeychain'>;
  readonly image: ImageReference;
  readonly digest: Digest;
  readonly call: RegistryCall;
}

/**
 * The evidence of each authority, in their order, each not older than `maxAge` milliseconds: from its sources, else from beside the
 * image, and attestations of the types that it wants, else signatures. Those that look in one place for the same get one object.
 */
export async function gatherEvidence(gathering: Gathering, maxAge: number): Promise<readonly Evidence[]> {
  const asked = new Map<string, Promise<Evidence>>();
  return Promise.all(
    gathering.policy.authorities.map((authority) => {
      const key = JSON.stringify([typesOf(authority), authority.sources]);
      const known = asked.get(key) ?? evidenceOf(gathering, authority, maxAge);
      asked.set(key, known);
      return known;
    }),
  );
}

async function evidenceOf({ reader, policy, image, digest, call }: Gathering, authority: CompiledAuthority, maxAge: number): Promise<Evidence> {
  const types = typesOf(authority);
  const wanted = { digest, ...(types === undefined ? {} : { predicateTypes: types }) };
  const [first, ...others] = authority.sources;
  if (first === undefined) return reader.read({ repository: { host: image.host, path: image.path }, ...wanted }, maxAge, call);
  const readSource = (source: CompiledSource): Promise<Evidence> => {
    const subject: Subject = { repository: { host: source.host, path: source.path }, tagPrefix: source.tagPrefix, ...wanted };
    return reader.read(subject, maxAge, asReader(call, policy.sourceKeychain?.(source)));
  };
  return together(await Promise.all([readSource(first), ...others.map(readSource)]));
}

function typesOf({ attestations }: CompiledAuthority): readonly string[] | undefined {
  return attestations.length === 0 ? undefined : [...new Set(attestations.map(({ predicateType }) => predicateType))].toSorted();
}

/** The credentials that the policy names for a source come first; those that the image is pulled with still count for their own hosts. */
function asReader(call: RegistryCall, keychain: RegistryCall['keychain'] | undefined): RegistryCall {
  return keychain === undefined ? call : { ...call, keychain: mergeKeychains([keychain, call.keychain]) };
}

/** A place that failed is in `failures` of the whole: what it holds is not known, so it can never count as "there is none". */
function together(places: readonly [Evidence, ...Evidence[]]): Evidence {
  const [first, ...others] = places;
  if (others.length === 0) return first;
  return {
    ...merge(places),
    digest: first.digest,
    hash: digestOf(places.map(({ hash }) => hash).join('\n')),
    fetchedAt: Math.min(...places.map(({ fetchedAt }) => fetchedAt)),
  };
}
