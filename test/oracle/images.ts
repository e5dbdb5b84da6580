import { flip } from '../support/sigstore/flip.ts';
import type { Logged } from '../support/sigstore/log-bodies.ts';
import { pushBundle, pushImage, pushIndex, pushLegacyAttestations, pushLegacySignatures, type Manifest, type PushedImage } from '../support/sigstore/push.ts';
import { bundle, legacyAttestation, legacySignature, messageBundle, type Artifact, type LegacySignature, type SignOptions, type StatementOptions } from '../support/sigstore/sign.ts';
import { ANNOTATION_EDITS, withEdit } from './annotations.ts';
import { CERTIFICATE_BENDS, LOG_BENDS, SIGNATURE_BENDS, type Bend, type BendContext } from './bends.ts';
import { BUNDLE_EDITS, editedBundle } from './bundle-edits.ts';
import type { Place } from './cases.ts';
import { castSigner, type Cast } from './cast.ts';
import type { Dice } from './dice.ts';
import type { Signing } from './flags.ts';
import { PAYLOAD_BENDS, STATEMENT_BENDS, type TextBend } from './payloads.ts';

/** An image with what was signed of it. */
export interface Stored {
  readonly place: Place;
  readonly image: string;
  /** Another image of the repository, without signatures. */
  readonly other: string;
  readonly signings: readonly Signing[];
  readonly kinds: readonly string[];
  readonly predicateType: PredicateType;
}

/** A predicate type, and how `--type` names it. */
export interface PredicateType {
  readonly uri: string;
  readonly flag: string;
}

const TYPES: readonly PredicateType[] = [
  { uri: 'https://cosign.sigstore.dev/attestation/v1', flag: 'custom' },
  { uri: 'https://slsa.dev/provenance/v0.2', flag: 'slsaprovenance' },
  { uri: 'https://slsa.dev/provenance/v1', flag: 'slsaprovenance1' },
  { uri: 'https://spdx.dev/Document', flag: 'spdxjson' },
  { uri: 'https://cyclonedx.org/bom', flag: 'cyclonedx' },
  { uri: 'https://cosign.sigstore.dev/attestation/vuln/v1', flag: 'vuln' },
  { uri: 'https://openvex.dev/ns', flag: 'openvex' },
  { uri: 'https://example.test/predicate', flag: 'https://example.test/predicate' },
];

interface Making {
  readonly cast: Cast;
  readonly dice: Dice;
  readonly place: Place;
  readonly attest: boolean;
}

const DAY = 24 * 3_600_000;

/** Pushes an image and, of none to three signatures, each right or wrong in a way or two. */
export async function storeImage(making: Making): Promise<Stored> {
  const { dice, place } = making;
  const name = `${place.repository}/app:1.0`;
  const image = dice.chance(0.1) ? await pushIndex(place.push, name) : await pushImage(place.push, name);
  const other = await pushImage(place.push, `${place.repository}/app`, { content: 'other' });
  const formats = dice.weighted({ legacy: 44, bundle: 44, 'legacy legacy': 4, 'bundle bundle': 4, 'bundle legacy': 3, unsigned: 1 });
  const predicateType = dice.pick(TYPES);
  const kinds: string[] = [formats];
  const signings: Signing[] = [];
  if (formats !== 'unsigned') {
    for (const format of formats.split(' ')) {
      signings.push(await signOnce(making, { image, format: format as 'legacy' | 'bundle', predicateType, kinds }));
    }
  }
  return { place, image: image.digest, other: other.digest, signings: dice.chance(0.8) ? signings : signings.toReversed(), kinds, predicateType };
}

interface One {
  readonly image: PushedImage;
  readonly format: 'legacy' | 'bundle';
  readonly predicateType: PredicateType;
  readonly kinds: string[];
}

type Options = SignOptions & StatementOptions & { at: number };

async function signOnce(making: Making, one: One): Promise<Signing> {
  const { cast, dice, attest } = making;
  const { format, kinds } = one;
  const signer = castSigner(cast, dice);
  const odd = dice.chance(0.15);
  const services = odd ? cast.odd : cast.own;
  const at = cast.own.now() - (dice.chance(0.5) ? 60_000 : 400 * DAY);
  const plain = plainOptions(making, one, at);
  const context: BendContext = { cast, services, at };
  const bends = dice.chance(0.55) ? chooseBends(dice, signer.kind === 'keyless', plain.log !== 'none') : [];
  const text = bends.length === 0 && dice.chance(0.35) ? dice.pick(Object.entries(format === 'bundle' || attest ? STATEMENT_BENDS : PAYLOAD_BENDS)) : undefined;
  const options = mergeOptions(plain, services, [...bends.map(([, bend]) => bend(context)), ...(text === undefined ? [] : [{ payload: text[1] satisfies TextBend }])]);
  kinds.push(signer.kind === 'key' ? signer.key.type : `${signer.keyType} certificate`, `log ${plain.log}${plain.entryKind === undefined ? '' : ` ${plain.entryKind}`}`);
  if (odd) kinds.push('odd services');
  kinds.push(...bends.map(([name]) => name), ...(text === undefined ? [] : [text[0]]));
  const edit = dice.chance(bends.length > 0 || text !== undefined ? 0.08 : 0.5);
  await (format === 'legacy' ? storeLegacy : storeBundle)(making, one, { signer, options, context, edit });
  return { signer, logged: plain.log !== 'none', stamped: options.timestamp ?? (options.log !== 'v1' && signer.kind === 'keyless'), hash: options.hash, annotations: plain.annotations };
}

function plainOptions({ dice, attest }: Making, { format, predicateType }: One, at: number): Options & { log: 'v1' | 'v2' | 'none' } {
  const log = format === 'legacy' ? dice.weighted({ v1: 80, none: 20 }) : dice.weighted({ v1: 40, v2: 45, none: 15 });
  const annotations = dice.weighted({ none: 60, some: 30, odd: 10 });
  const kind = log === 'none' ? 'default' : log === 'v2' ? dice.weighted({ default: 90, dsse: 10 }) : format === 'legacy' && !attest ? dice.weighted({ default: 75, rekord: 20, dsse: 3, intoto: 2 }) : dice.weighted({ default: 50, intoto: 20, intoto001: 10, hashedrekord: 12, rekord: 8 });
  return {
    at,
    log,
    ...(kind !== 'default' ? { entryKind: kind } : format === 'legacy' && !attest ? { entryKind: 'hashedrekord' } : {}),
    ...(annotations === 'none' ? {} : { annotations: annotations === 'some' ? { env: 'prod', version: '1.0' } : { env: 'prod', n: 1, list: ['a', { b: null }], 'a<b>&': '\u00e9' } }),
    ...(dice.chance(0.12) ? { hash: dice.pick(['sha256', 'sha384', 'sha512', 'sha224'] as const) } : {}),
    ...(dice.chance(0.2) ? { timestamp: dice.chance(0.7) } : {}),
    ...(attest ? { predicateType: predicateType.uri, predicate: { builder: { id: 'x' }, items: [1, 'a<b>', null] } } : format === 'bundle' && dice.chance(0.08) ? { predicateType: predicateType.uri } : {}),
  };
}

function chooseBends(dice: Dice, certified: boolean, logged: boolean): [string, Bend][] {
  const count = dice.chance(0.12) ? 2 : 1;
  return Array.from({ length: count }, () => {
    const from = dice.weighted({ certificate: certified ? 45 : 0, log: logged ? 40 : 0, signature: 18 });
    return dice.pick(Object.entries({ certificate: CERTIFICATE_BENDS, log: LOG_BENDS, signature: SIGNATURE_BENDS }[from]));
  });
}

/** Later ones win, but services and bends of the certificate add up. */
function mergeOptions(plain: Options, services: Partial<SignOptions['services']>, more: readonly SignOptions[]): Options {
  const merged = more.reduce<Options>(
    (all, one) => ({
      ...all,
      ...one,
      services: { ...all.services, ...one.services },
      certificate: { ...all.certificate, ...one.certificate },
      logged: (told) => (one.logged ?? same)(all.logged?.(told) ?? told),
    }),
    { ...plain, services: services ?? {}, logged: enveloped },
  );
  return merged;
}

const same = (told: Logged): Logged => told;

/** A log takes an entry about an envelope for a signature that has none, too. */
function enveloped(told: Logged): Logged {
  const envelope = { payload: Buffer.from(told.message).toString('base64'), payloadType: 'text/plain', signatures: [{ sig: Buffer.from(told.signature).toString('base64') }] };
  return { envelope, ...told };
}

interface Work {
  readonly signer: Signing['signer'];
  readonly options: Options;
  readonly context: BendContext;
  /** Whether the finished thing is changed. */
  readonly edit: boolean;
}

async function storeLegacy({ cast, dice, attest, place }: Making, { image, kinds, predicateType }: One, { signer, options, context, edit }: Work): Promise<void> {
  const artifact: Artifact = { digest: image.digest, repository: `${place.ask}/${place.repository}/app` };
  const made: LegacySignature = attest
    ? legacyAttestation(cast.own, signer, artifact, { ...options, predicateType: predicateType.uri })
    : legacySignature(cast.own, signer, artifact, options);
  const push = attest ? pushLegacyAttestations : pushLegacySignatures;
  if (!edit) return void (await push(image, [made]));
  if (dice.chance(0.12)) {
    const [name, shape] = dice.pick(Object.entries(LEGACY_SHAPES));
    kinds.push(name);
    return void (await push(image, [made], shape));
  }
  const [name, change] = dice.pick(Object.entries(ANNOTATION_EDITS));
  kinds.push(`annotations.${name}`);
  await push(image, [withEdit(made, change, context)]);
}

async function storeBundle({ cast, dice }: Making, { image, kinds }: One, { signer, options, context, edit }: Work): Promise<void> {
  const artifact: Artifact = { digest: image.digest, repository: '' };
  const { at, predicateType } = options;
  const stored = { at, ...(predicateType === undefined ? {} : { predicateType }) };
  if (edit && dice.chance(0.05)) {
    kinds.push('message signature');
    return void (await pushBundle(image, messageBundle(cast.own, signer, Buffer.from('{}'), options), stored));
  }
  const made = bundle(cast.own, signer, artifact, options);
  if (!edit) return void (await pushBundle(image, made, stored));
  if (dice.chance(0.1)) {
    const [name, shape] = dice.pick(Object.entries(BUNDLE_SHAPES));
    kinds.push(name);
    return void (await pushBundle(image, made, { ...stored, shape }));
  }
  const [name, change] = dice.pick(Object.entries(BUNDLE_EDITS));
  kinds.push(name);
  await pushBundle(image, made, { ...stored, bytes: editedBundle(made, change, context) });
}

type Layer = { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
const layers = (change: (list: readonly Layer[]) => readonly Layer[]) => (manifest: Manifest): Manifest => ({ ...manifest, layers: change(manifest['layers'] as Layer[]) });
const EMPTY_BLOB = { mediaType: 'text/plain', size: 2, digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a' };

/** The manifest of a `.sig` tag, otherwise. */
const LEGACY_SHAPES: Readonly<Record<string, (manifest: Manifest) => Manifest>> = {
  'sig.layerType': layers((list) => list.map((one) => ({ ...one, mediaType: 'text/plain' }))),
  'sig.layerTwice': layers((list) => [...list, ...list]),
  'sig.brokenTwin': layers((list) => [...list.map((one) => ({ ...one, annotations: { ...one.annotations, 'dev.cosignproject.cosign/signature': flip(Buffer.from('AAAAAAAA')).toString('base64') } })), ...list]),
  'sig.noLayers': layers(() => []),
  'sig.layerWithoutAnnotations': layers((list) => [...list, ...list.map(({ annotations: _, ...one }) => one)]),
  'sig.sizeWrong': layers((list) => list.map((one) => ({ ...one, size: one.size + 1 }))),
  'sig.artifactType': (manifest) => ({ ...manifest, artifactType: 'application/x' }),
  'sig.noMediaType': ({ mediaType: _, ...manifest }) => manifest,
  'sig.schema1': (manifest) => ({ ...manifest, schemaVersion: 1 }),
};

/** The manifest of a bundle, otherwise. */
const BUNDLE_SHAPES: Readonly<Record<string, (manifest: Manifest) => Manifest>> = {
  'referrer.layerOtherType': layers((list) => list.map((one) => ({ ...one, mediaType: 'application/json' }))),
  'referrer.layerV0.1': layers((list) => list.map((one) => ({ ...one, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' }))),
  'referrer.layerPrefix': layers((list) => list.map((one) => ({ ...one, mediaType: 'application/vnd.dev.sigstore.bundles-of-joy' }))),
  'referrer.noLayers': layers(() => []),
  'referrer.twoLayers': layers((list) => [...list, EMPTY_BLOB]),
  'referrer.emptyFirst': layers((list) => [EMPTY_BLOB, ...list]),
  'referrer.artifactTypeGone': ({ artifactType: _, ...manifest }) => manifest,
  'referrer.artifactTypeOther': (manifest) => ({ ...manifest, artifactType: 'application/vnd.example.sbom' }),
  'referrer.noAnnotations': ({ annotations: _, ...manifest }) => manifest,
  'referrer.sizeWrong': layers((list) => list.map((one) => ({ ...one, size: one.size + 1 }))),
  'referrer.subjectOther': (manifest) => ({ ...manifest, subject: { ...(manifest['subject'] as object), digest: `sha256:${'d'.repeat(64)}` } }),
};
