import type { ImageReference } from '../api/image-reference.ts';
import { digestOf } from '../base/digest.ts';
import type { Digest } from '../base/digest.ts';
import { mergeKeychains } from '../registry/keychain.ts';
import type { RegistryCall } from '../registry/types.ts';
import { RegistryError } from '../registry/types.ts';
import type { EvidenceReader, Subject } from './evidence.ts';
import { bytesOf } from './evidence.ts';
import type { Evidence } from './evidence-types.ts';
import { merge, NOTHING } from './evidence-types.ts';
import { mapLimited } from './fetch.ts';
import type { CompiledAuthority, JudgingPolicy } from './types.ts';

/** Whose evidence is gathered, for which policy, and as whom. */
export interface Gathering {
  readonly reader: EvidenceReader;
  readonly policy: Pick<JudgingPolicy, 'authorities' | 'sourceKeychain'>;
  readonly image: ImageReference;
  readonly digest: Digest;
  readonly call: RegistryCall;
}

/** Places that are looked into at the same time for one judgement: what each holds is in memory then. */
const AT_ONCE = 4;

/**
 * The evidence of each authority, in their order, each not older than `maxAge` milliseconds: from its sources, else from beside the
 * image, and attestations of the types that it wants, else signatures. Those that look in one place for the same get one object. A place
 * for which there is no room any more (`EvidenceReader.most`) is not looked into, and counts as something that was not looked at; one for which
 * there is no time any more is a failed look-up.
 */
export async function gatherEvidence(gathering: Gathering, maxAge: number): Promise<readonly Evidence[]> {
  const { reader, policy } = gathering;
  const wanted = policy.authorities.map((authority) => placesOf(gathering, authority));
  const found = new Map<string, Evidence>();
  const end = reader.now + reader.patience;
  let held = 0;
  await mapLimited([...new Map(wanted.flat().map((place) => [place.id, place])).values()], AT_ONCE, async (place) => {
    const evidence = held >= reader.most || reader.now > end ? unread(place, held >= reader.most, reader.now) : await reader.read(place.subject, maxAge, place.call);
    held += bytesOf(evidence);
    found.set(place.id, evidence);
  });
  const known = new Map<string, Evidence>();
  return wanted.map((places) => {
    const id = JSON.stringify(places.map((place) => place.id));
    const evidence = known.get(id) ?? together(places.flatMap((place) => found.get(place.id) ?? []));
    known.set(id, evidence);
    return evidence;
  });
}

/** Where one authority looks, and as whom. */
interface Place {
  /** Equal for the same place, looked into for the same by the same. */
  readonly id: string;
  readonly subject: Subject;
  readonly call: RegistryCall;
}

function placesOf({ policy, image, digest, call }: Gathering, authority: CompiledAuthority): readonly Place[] {
  const types = typesOf(authority);
  const wanted = { digest, ...(types === undefined ? {} : { predicateTypes: types }) };
  if (authority.sources.length === 0) return [placeOf({ repository: { host: image.host, path: image.path }, ...wanted }, call)];
  return authority.sources.map((source) => {
    const { host, path, tagPrefix } = source;
    return placeOf({ repository: { host, path }, tagPrefix, ...wanted }, asReader(call, policy.sourceKeychain?.(source)));
  });
}

function placeOf(subject: Subject, call: RegistryCall): Place {
  return { id: JSON.stringify([subject, call.keychain.scope]), subject, call };
}

function unread({ id, subject: { repository, digest } }: Place, full: boolean, fetchedAt: number): Evidence {
  const nothing = { ...NOTHING, digest, hash: digestOf(`not read: ${id}`), fetchedAt };
  if (full) return { ...nothing, omitted: 1 };
  return { ...nothing, failures: [new RegistryError('Unavailable', `${repository.host}/${repository.path} was not asked, because the other places that the policy names took too long; it is asked again`)] };
}

function typesOf({ attestations }: CompiledAuthority): readonly string[] | undefined {
  return attestations.length === 0 ? undefined : [...new Set(attestations.map(({ predicateType }) => predicateType))].toSorted();
}

/** The credentials that the policy names for a source come first; those that the image is pulled with still count for their own hosts. */
function asReader(call: RegistryCall, keychain: RegistryCall['keychain'] | undefined): RegistryCall {
  return keychain === undefined ? call : { ...call, keychain: mergeKeychains([keychain, call.keychain]) };
}

/** A place that failed is in `failures` of the whole: what it holds is not known, so it can never count as "there is none". */
function together(places: readonly Evidence[]): Evidence {
  const [first, ...others] = places;
  if (first === undefined) throw new TypeError('an authority looks somewhere');
  if (others.length === 0) return first;
  return {
    ...merge(places),
    digest: first.digest,
    hash: digestOf(places.map(({ hash }) => hash).join('\n')),
    fetchedAt: Math.min(...places.map(({ fetchedAt }) => fetchedAt)),
  };
}
