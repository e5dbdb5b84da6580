import type { CompiledAuthority } from '../../../src/verification/types.ts';
import { trustRecipe, trustSource } from '../../../src/signatures/trust-recipe.ts';
import { keyOf, release, world } from '../../support/signatures.ts';
import type { LegacySignature } from '../../support/sigstore/sign.ts';
import { type PushedImage, pushImage, pushLegacyAttestations, pushLegacySignatures } from '../../support/sigstore/push.ts';
import { keyed, keyless } from '../../unit/verification/builders.ts';

/** An image with what somebody put beside it to keep us busy, and the authority that it is held against. */
export interface Hostile {
  readonly name: string;
  readonly image: string;
  readonly authority: CompiledAuthority;
}

const MIB = 1024 * 1024;
const TYPE = 'https://acme.example/numbers';
const trust = trustRecipe({ authorities: trustSource('TrustedRoot', world.trustedRootJson) });
const owner = world.key();

/** Somebody else than who signed: every signature is proven, and none counts. */
const stranger = keyless('stranger', { trust });

/** Pushes each to the registry. */
export async function hostileImages(host: string): Promise<readonly Hostile[]> {
  const image = (name: string): Promise<PushedImage> => pushImage(host, `hostile/${name}:1`, { content: name });
  const many = await image('many');
  await pushLegacySignatures(many, times(64, () => world.legacySignature(release, artifactOf(many))));
  const payloads = await image('payloads');
  await pushLegacySignatures(payloads, times(7, () => world.legacySignature(release, artifactOf(payloads), { annotations: { filler: 'x'.repeat(MIB - 10_000) } })));
  const manifest = await image('manifest');
  await pushLegacySignatures(manifest, times(64, () => withFiller(world.legacySignature(release, artifactOf(manifest)), 50_000)));
  const large = await image('attestations');
  await pushLegacyAttestations(large, [attestation(large, 800_000, 1e12)]);
  const endless = await image('endless');
  await pushLegacyAttestations(endless, [attestation(endless, 30_000)]);
  return [
    { name: '64 keyless signatures', image: many.reference, authority: stranger },
    { name: '7 payloads of 1 MiB', image: payloads.reference, authority: stranger },
    { name: 'a manifest of 3 MiB', image: manifest.reference, authority: stranger },
    { name: 'an attestation of 15 MiB', image: large.reference, authority: holding('size(predicate.numbers) > 0') },
    { name: 'an expression without end', image: endless.reference, authority: holding('predicate.numbers.all(a, predicate.numbers.all(b, a + b >= 0))') },
  ];
}

function holding(cel: string): CompiledAuthority {
  return keyed('owner', [], { keys: [keyOf(owner)], hash: cel, attestations: [{ name: 'numbers', predicateType: TYPE, match: 'Any', cel }] });
}

function attestation(image: PushedImage, numbers: number, from = 0): LegacySignature {
  const predicate = { numbers: Array.from({ length: numbers }, (_, index) => from + index) };
  return world.legacyAttestation(owner, artifactOf(image), { log: 'none', predicateType: TYPE, predicate });
}

function withFiller(signature: LegacySignature, characters: number): LegacySignature {
  return { ...signature, annotations: { ...signature.annotations, filler: 'x'.repeat(characters) } };
}

function artifactOf({ host, repository, digest }: PushedImage): { digest: string; repository: string } {
  return { digest, repository: `${host}/${repository}` };
}

function times<Value>(count: number, make: () => Value): Value[] {
  return Array.from({ length: count }, make);
}
