import type { TestSigner } from '../support/sigstore/sign.ts';
import { KEYS, castSigner, type Cast } from './cast.ts';
import type { Dice } from './dice.ts';
import { FLAG_CHANGES, argumentsOf, fittingFlags, type FlagSet, type Signing } from './flags.ts';
import { storeImage, type Stored } from './images.ts';
import { FAULTS, type Registries } from './registries.ts';
import { BAD_ROOTS, GOOD_ROOTS } from './roots.ts';

/** One question that cosign and assay are asked. */
export interface Case {
  /** `seed:number`. */
  readonly id: string;
  /** What is special about it, most general first; nothing but the first where everything is as it should be. */
  readonly kinds: readonly string[];
  readonly command: 'verify' | 'verify-attestation';
  /** Arguments after the command; `FILES/` stands for the folder of the case. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** By name, what is in the folder of the case. */
  readonly files: ReadonlyMap<string, string>;
}

/** What cases are made with. */
export interface Stage {
  readonly cast: Cast;
  readonly registries: Registries;
  /** Commands that are compared. */
  readonly commands: Readonly<Record<Case['command'], number>>;
}

/** Makes the case of these dice: signs, pushes, and says what to ask. */
export async function makeCase(id: string, { cast, registries, commands }: Stage, dice: Dice): Promise<Case> {
  const command = dice.weighted(commands);
  const kinds: string[] = [];
  const stored = await storeImage({ cast, dice, attest: command === 'verify-attestation', ...placeOf(id, registries, dice, kinds) });
  const [first] = stored.signings;
  const set = fittingFlags(cast, dice, first ?? anybody(cast, dice));
  if (command === 'verify-attestation') typeFlag(dice, set, stored);
  chooseRoot(cast, dice, set);
  if (dice.chance(0.35)) {
    const name = dice.pick(Object.keys(FLAG_CHANGES));
    FLAG_CHANGES[name]?.(set, cast, dice);
    set.changes.push(name);
  }
  withRootWhereOneIsNeeded(cast, set);
  const images = [...(stored.place.credentials ?? []), ...referencesOf(stored, dice, set)];
  const given = argumentsOf(set, dice);
  const args = dice.chance(0.85) ? [...given, ...images] : [...images, ...given];
  return { id, kinds: [`${command} ${stored.kinds[0] ?? 'unsigned'}`, ...stored.kinds.slice(1), ...kinds, ...set.changes], command, args, env: set.env, files: set.files };
}

/** Who is looked for where nobody has signed. */
function anybody(cast: Cast, dice: Dice): Signing {
  const signer: TestSigner = dice.chance(0.5) ? castSigner(cast, dice) : cast.key(dice.weighted(KEYS));
  return { signer, logged: dice.chance(0.7), stamped: false, hash: undefined, annotations: undefined };
}

/** Where images are pushed, and under which address they are asked for. */
export interface Place {
  readonly repository: string;
  readonly push: string;
  readonly ask: string;
  /** Flags that go with the address. */
  readonly credentials?: readonly string[];
}

function placeOf(id: string, registries: Registries, dice: Dice, kinds: string[]): { readonly place: Place } {
  const repository = `case/${id.replace(':', '-')}`;
  const push = dice.chance(0.75) ? registries.modern : registries.old;
  if (push === registries.old) kinds.push('registry.old');
  if (dice.chance(0.8)) return { place: { repository, push, ask: push } };
  if (dice.chance(0.75)) {
    const name = dice.pick(Object.keys(FAULTS));
    const front = registries.front(push);
    front.fault(`${repository}/`, FAULTS[name]?.(push));
    kinds.push(name);
    return { place: { repository, push, ask: front.host } };
  }
  const scheme = dice.pick(['basic', 'bearer'] as const);
  const how = dice.weighted({ right: 5, wrong: 2, none: 2, token: 2 });
  kinds.push(`registry.${scheme}.${how}`);
  const password = how === 'wrong' ? 'wrong' : 'secret';
  const credentials = how === 'none' ? [] : how === 'token' ? ['--registry-token=the-token'] : ['--registry-username=ada', `--registry-password=${password}`];
  return { place: { repository, push: registries.modern, ask: registries[scheme], credentials } };
}

function typeFlag(dice: Dice, { flags, changes }: FlagSet, { predicateType }: Stored): void {
  const form = dice.weighted({ right: 85, other: 8, none: 7 });
  if (form === 'right') flags.set('type', [predicateType.flag]);
  if (form === 'other') flags.set('type', [dice.pick(['spdx', 'https://other.test/x', 'link'])]);
  if (form !== 'right') changes.push(`type.${form}`);
}

function chooseRoot(cast: Cast, dice: Dice, { flags, files, changes }: FlagSet): void {
  const none = changes.indexOf('root.none');
  if (none >= 0 && dice.chance(0.9)) return;
  if (none >= 0) changes.splice(none, 1);
  const roots = dice.chance(0.85) ? GOOD_ROOTS : BAD_ROOTS;
  const name = roots === GOOD_ROOTS ? dice.weighted({ 'root.whole': 85, 'root.otherToo': 7, 'root.otherFirst': 5, 'root.twice': 3 }) : dice.pick(Object.keys(roots));
  if (name !== 'root.whole') changes.push(name);
  files.set('root.json', roots[name]?.(cast) ?? '');
  flags.set('trusted-root', ['FILES/root.json']);
}

/** Without one cosign asks the world for the public one, where there is anything to verify against it. */
function withRootWhereOneIsNeeded(cast: Cast, { flags, files }: FlagSet): void {
  const alone = flags.has('key') && !flags.has('use-signed-timestamps') && (isOn(flags, 'insecure-ignore-tlog') || isOn(flags, 'private-infrastructure'));
  if (alone || flags.has('trusted-root')) return;
  files.set('root.json', GOOD_ROOTS['root.whole']?.(cast) ?? '');
  flags.set('trusted-root', ['FILES/root.json']);
}

const isOn = (flags: FlagSet['flags'], name: string): boolean => flags.has(name) && !['false', '0'].includes(flags.get(name)?.at(-1) ?? '');

function referencesOf({ place, image, other }: Stored, dice: Dice, { changes }: FlagSet): string[] {
  const name = `${place.ask}/${place.repository}/app`;
  const form = dice.weighted({ tag: 50, digest: 38, tagAndDigest: 4, twice: 2, unsignedToo: 2, missingTag: 2, missingDigest: 1, malformed: 1 });
  if (form !== 'tag' && form !== 'digest') changes.push(`reference.${form}`);
  const forms: Readonly<Record<typeof form, () => string[]>> = {
    tag: () => [`${name}:1.0`],
    digest: () => [`${name}@${image}`],
    tagAndDigest: () => [`${name}:1.0@${image}`],
    twice: () => [`${name}:1.0`, `${name}@${image}`],
    unsignedToo: () => [`${name}:1.0`, `${name}@${other}`],
    missingTag: () => [`${name}:9.9`],
    missingDigest: () => [`${name}@sha256:${'c'.repeat(64)}`],
    malformed: () => [dice.pick([`${name}:UP/PER`, `${name}@sha256:abc`, `${place.ask}/UPPER/app:1`, ''])],
  };
  return forms[form]();
}
