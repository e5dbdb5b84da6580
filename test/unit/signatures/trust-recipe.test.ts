import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeTrust, embeddedTrustSource, trustRecipe, trustRootOf, trustSource } from '../../../src/signatures/trust-recipe.ts';
import { embeddedTrustText, TrustRootError } from '../../../src/signatures/trust-root.ts';
import { sigstore } from '../../support/compile.ts';

const [ours, other] = [sigstore('ours').source, sigstore('other').source];
const ids = (logs: readonly { logID: Buffer }[]): string[] => logs.map(({ logID }) => logID.toString('hex'));

test('each part of a root comes from the source that the recipe names for it, and from no other', () => {
  const [one, two] = [trustRootOf(trustRecipe({ authorities: ours })), trustRootOf(trustRecipe({ authorities: other }))];
  const joined = trustRootOf(trustRecipe({ authorities: ours, logs: other, timestampAuthorities: other }));
  assert.equal(joined.authorities, one.authorities);
  assert.deepEqual(ids(joined.material.tlogs), ids(two.material.tlogs));
  assert.deepEqual(ids(joined.material.ctlogs), ids(one.material.ctlogs));
  assert.equal(joined.material.stampAuthorities, two.material.stampAuthorities);
});

test('a root is read once, and is the same object for every recipe of it', () => {
  assert.equal(trustRootOf(trustRecipe({ authorities: ours })), trustRootOf(trustRecipe({ authorities: trustSource('TrustedRoot', ours.text) })));
  const mixed = { authorities: ours, logs: other };
  assert.equal(trustRootOf(trustRecipe(mixed)), trustRootOf(trustRecipe(mixed)));
});

test('recipes have the same hash exactly where each part is the same', () => {
  const recipes = [{ authorities: ours }, { authorities: other }, { authorities: ours, logs: other }, { authorities: ours, ctLogs: other }, { authorities: ours, timestampAuthorities: other }];
  assert.equal(new Set(recipes.map((parts) => trustRecipe(parts).hash)).size, recipes.length);
  assert.equal(trustRecipe({ authorities: ours, logs: ours }).hash, trustRecipe({ authorities: ours }).hash);
});

test('a recipe is plain data: what another thread makes of its copy is the same root', () => {
  const recipe = trustRecipe({ authorities: ours, logs: other });
  const copy = structuredClone(recipe);
  assert.deepEqual(copy, recipe);
  assert.equal(trustRootOf(copy), trustRootOf(recipe));
});

test('a description says how much there is of each sort', () => {
  const description = describeTrust(embeddedTrustSource());
  const text = JSON.parse(embeddedTrustText()) as Record<string, readonly unknown[]>;
  assert.ok('members' in description);
  for (const name of ['certificateAuthorities', 'tlogs', 'ctlogs', 'timestampAuthorities'] as const) {
    assert.equal(description.members[name], text[name]?.length);
  }
});

test('what is no trust root is described by what is wrong with it, and refused', () => {
  const none = trustSource('TrustedRoot', '{}');
  const description = describeTrust(none);
  assert.match('problem' in description ? description.problem : '', /trusted root/);
  assert.throws(() => trustRootOf(trustRecipe({ authorities: none })), TrustRootError);
});
