import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { parseImageReference } from '../../src/api/image-reference.ts';
import { systemClock } from '../../src/base/clock.ts';
import { readFlags } from '../../src/cli/verify-flags.ts';
import type { Wanted } from '../../src/cli/verify-options.ts';
import { readOptions } from '../../src/cli/verify-options.ts';
import { createRegistryClient } from '../../src/registry/client.ts';
import { anonymousKeychain } from '../../src/registry/keychain.ts';
import { parsePublicKeys } from '../../src/signatures/public-key.ts';
import { trustRecipe, type TrustRecipe, trustSource } from '../../src/signatures/trust-recipe.ts';
import { loadTrustRoot } from '../../src/signatures/trust-root.ts';
import { createEngine } from '../../src/verification/engine.ts';
import type { CompiledAuthority, StringMatch } from '../../src/verification/types.ts';
import { corpusRows } from '../support/corpus.ts';
import { skipWithoutReplay, startReplay } from '../support/replay-registry.ts';

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly ref: string;
  readonly args: readonly string[];
  readonly expect: { readonly exit: number };
}

/** Where the operator is right to differ from cosign (design: what is a signature, what hides what), by the end of the id. */
const STRICTER = [
  'e-attest-key-bundle/not-a-signature', // an attestation is not a signature
  'e-attest-keyless-bundle/not-a-signature',
  'a-keyless-bundle/root-tlog-ended', // the validity of a Rekor v2 key counts
  'other-digest-unchecked', // the digest is always checked
];
const BROADER = [
  'pie-loader/006/hidden-by-bundle', // a bundle by somebody else hides nothing
  'docker/sign1/bundle-v0.2', // bundles of the older versions are read
  'a-keyless-bundle/notlog-flag-expired', // a timestamp by a trusted authority is a time, asked for or not
  'b-keyless-legacy-tsa/no-ts-flag-expired',
];

/** The authority that says what the flags of a case say; nothing where an authority cannot say it, or they are wrong. */
function authorityOf({ args, ref, id }: Row, folder: string): CompiledAuthority | undefined {
  try {
    const flags = readFlags([...args, ref], { env: {}, stderr: () => undefined });
    const options = readOptions(flags, { env: {}, stderr: () => undefined });
    const trustedRoot = flags.text['trusted-root'];
    const { identity, keyReference, ignoreTlog, ignoreSct, useSignedTimestamps, annotations } = options;
    if (identity?.issuer.exact !== undefined && identity.issuer.pattern !== undefined) return undefined;
    const text = (path: string): string => readFileSync(join(folder, path), 'utf8');
    return {
      name: 'corpus',
      kind: identity === undefined ? 'key' : 'keyless',
      keys: keyReference === undefined ? [] : parsePublicKeys(text(keyReference)),
      identities: identity === undefined ? [] : [{ issuer: matchOf(identity.issuer), subject: matchOf(identity.subject), claims: identity.claims }],
      ...(trustedRoot === undefined ? {} : { trust: trustOf(text(trustedRoot)) }),
      log: ignoreTlog ? 'Ignored' : 'Required',
      timestamp: useSignedTimestamps ? 'Required' : 'NotAsked',
      sct: ignoreSct ? 'Ignored' : 'Required',
      annotations,
      requireRepository: false,
      attestations: [],
      sources: [],
      hash: id,
    };
  } catch {
    return undefined;
  }
}

/** Throws where the text is no trust root. */
function trustOf(text: string): TrustRecipe {
  loadTrustRoot(text);
  return trustRecipe({ authorities: trustSource('TrustedRoot', text) });
}

function matchOf({ exact, pattern }: Wanted): StringMatch {
  return exact === undefined ? { pattern: pattern ?? '' } : { exact };
}

for (const corpus of ['cosign-local', 'signatures']) {
  test(`${corpus}: the operator verifies what cosign accepts, but for the differences that are meant`, { skip: skipWithoutReplay(corpus), timeout: 300_000 }, async (t) => {
    const { host, folder, close } = await startReplay(corpus);
    const registry = createRegistryClient({ hosts: { allowHttp: [host] } });
    t.after(async () => {
      await registry.close();
      await close();
    });
    const engine = createEngine({ registry, clock: systemClock });
    const rows = (corpusRows(`corpus/${corpus}/cases.jsonl`) as unknown as Row[]).filter(({ kind }) => kind !== 'attestation');
    const seen = { Verified: 0, Failed: 0 };
    for (const row of rows) {
      const authority = authorityOf(row, folder);
      if (authority === undefined) continue;
      const image = parseImageReference(`${host}/${row.ref}`);
      const policies = [{ key: { kind: 'ClusterImageVerification', name: 'corpus' } as const, authorities: [authority], threshold: 1, recheckInterval: 86_400_000 }];
      const [verdict] = (await engine.verify({ image, policies, keychain: anonymousKeychain })).policies;
      const wanted = !STRICTER.some((id) => row.id.endsWith(id)) && (row.expect.exit === 0 || BROADER.includes(row.id));
      assert.equal(verdict?.result === 'Verified', wanted, `${row.id}: ${verdict?.reason}: ${verdict?.message}`);
      if (verdict?.result === 'Verified' || verdict?.result === 'Failed') seen[verdict.result] += 1;
    }
    assert.ok(seen.Verified > 25 && seen.Failed > 25, JSON.stringify(seen));
  });
}
