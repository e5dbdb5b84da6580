import type { BundledPackage } from './licences.ts';

/** Licences that may be handed out under Apache-2.0 (categories A of the Apache Software Foundation's list). */
const PERMITTED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'Python-2.0', 'Unlicense']);

/** Read at run time by way of `require`, so a bundler could lose it unnoticed: the first links of Sigstore's chain of trust. */
const NEEDED = ['node_modules/@sigstore/tuf/seeds.json'];

/** Why a bundle of these inputs must not be shipped; empty when it may. */
export function objections(inputs: readonly string[], packages: readonly BundledPackage[], devDependencies: readonly string[]): readonly string[] {
  const dev = new Set(devDependencies);
  return [
    ...inputs.filter((input) => /^(test|hack)\//.test(input)).map((input) => `${input} is not part of the product`),
    ...packages.filter(({ name }) => dev.has(name)).map(({ name }) => `${name} is a development dependency`),
    ...packages.filter(({ licence }) => !permitted(licence)).map(({ name, licence }) => `${name} is under ${licence === '' ? 'no licence that it names' : licence}`),
    ...NEEDED.filter((input) => !inputs.some((given) => given.endsWith(input))).map((input) => `${input} is missing`),
  ];
}

/** Of `(A OR B)` one that is permitted is enough; of `A AND B` all must be. */
function permitted(licence: string): boolean {
  const plain = licence.replaceAll(/[()]/g, ' ');
  return plain.split(' AND ').every((part) => part.split(' OR ').some((name) => PERMITTED.has(name.trim())));
}
