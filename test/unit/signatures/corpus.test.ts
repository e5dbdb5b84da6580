import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asLoaded } from '../../../src/signatures/loadable.ts';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { parsePublicKeys } from '../../../src/signatures/public-key.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { TrustRoot } from '../../../src/signatures/trust-root.ts';
import type { Candidate, Profile, Proof, Requirement } from '../../../src/signatures/types.ts';
import { corpus } from '../../support/signature-corpus.ts';
import type { Corpus, CorpusCase } from '../../support/signature-corpus.ts';

/** The corpora were recorded on that day; only certificates without an authenticated time are judged by it. */
const NOW = Date.parse('2026-11-22T18:00:00Z');

/** What cosign says of a signature that it could prove, but that is not the wanted one: the judge's part. */
const NOT_CRYPTOGRAPHIC =
  /none of the expected identities|invalid or missing digest|missing or incorrect annotation|expected GitHub Workflow|malformed subject|artifact digest does not match|failed to verify certificate identity|is required for verification|error parsing regexp/g;

/** Arguments that are refused before any signature is looked at, or files that are missing on purpose. */
const USAGE = /id-and-id-re|id-missing|issuer-missing|key-and-identity|key-missing|trust-missing-file|no-identity/;

/** Proven by cosign and not for the operator: a retired key of Rekor v2, and attestations, which are no signatures. */
const STRICTER = {
  signatures: [] as string[],
  'cosign-local': ['a-keyless-bundle/root-tlog-ended', 'e-attest-key-bundle/not-a-signature', 'e-attest-keyless-bundle/not-a-signature'],
};

/** Proven for the operator and not by cosign, which passes over bundles older than v0.3, and timestamps that nobody asked for. */
const BROADER = {
  signatures: ['docker/sign1/bundle-v0.2'],
  'cosign-local': ['a-keyless-bundle/notlog-flag-expired', 'b-keyless-legacy-tsa/no-ts-flag-expired'],
};

interface Proven {
  readonly candidate: Candidate;
  readonly proof: Proof;
  readonly subject: string;
}

class Reader {
  readonly #corpus: Corpus;
  readonly #roots = new Map<string, TrustRoot>();
  reasons: readonly string[] = [];

  constructor(found: Corpus) {
    this.#corpus = found;
  }

  prove(one: CorpusCase, profile: Profile, scope: 'as cosign' | 'everything' = 'as cosign'): readonly Proven[] {
    if (this.#corpus.resolve(one.ref) === undefined) return [];
    const requirement = this.#requirement(one.args, profile);
    const bundles = this.#corpus.bundles(one.ref);
    const loadable = bundles.filter((candidate) => candidate.format === 'bundle' && asLoaded(candidate, COSIGN) !== undefined);
    const legacy = this.#corpus.legacy(one.ref);
    const candidates = scope === 'everything' ? [...bundles, ...legacy] : loadable.length > 0 ? loadable : legacy;
    const reasons: string[] = [];
    const proven = candidates.flatMap((candidate): Proven[] => {
      try {
        const proof = prove(candidate, requirement);
        return [{ candidate, proof, subject: proof.certificate?.subjects[0] ?? '' }];
      } catch (error) {
        reasons.push((error as Error).message);
        return [];
      }
    });
    this.reasons = reasons;
    return proven;
  }

  #requirement(args: readonly string[], profile: Profile): Requirement {
    const value = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
    const keyFile = value('--key');
    const [key] = keyFile === undefined ? [] : parsePublicKeys(this.#corpus.file(keyFile));
    const rootFile = value('--trusted-root');
    return {
      ...(key === undefined ? {} : { key }),
      ...(rootFile === undefined ? {} : { trust: this.#root(rootFile) }),
      log: args.some((arg) => arg.startsWith('--insecure-ignore-tlog')) ? 'Ignored' : 'Required',
      timestamp: args.includes('--use-signed-timestamps') ? 'Required' : 'NotAsked',
      sct: args.some((arg) => arg.startsWith('--insecure-ignore-sct')) ? 'Ignored' : 'Required',
      profile,
      now: NOW,
    };
  }

  #root(file: string): TrustRoot {
    const root = this.#roots.get(file) ?? loadTrustRoot(this.#corpus.file(file));
    this.#roots.set(file, root);
    return root;
  }
}

for (const name of ['signatures', 'cosign-local'] as const) {
  const found = corpus(name);
  const skip = found === undefined ? `the corpus ../shared/corpus/${name} is not beside this repository` : false;
  describe(`the corpus ${name}`, { skip }, () => {
    if (found === undefined) return;
    const reader = new Reader(found);
    const cases = found.cases.filter(({ id, kind }) => /^(legacy|bundle)-/.test(kind) && !USAGE.test(id));

    it('has every genuine signature proven that cosign accepts', () => {
      const accepted = cases.filter(({ expect }) => expect.exit === 0);
      assert.ok(accepted.length >= 30, `only ${accepted.length} cases`);
      for (const one of accepted) {
        const proofs = reader.prove(one, COSIGN).filter(({ subject }) => one.expect.subject === undefined || subject === one.expect.subject);
        assert.equal(proofs.length >= (one.expect.count ?? 1), true, `${one.id}: ${one.why}: ${proofs.length} proven; ${reader.reasons.join('; ')}`);
        for (const { proof } of proofs) {
          if (one.expect.issuer !== undefined) assert.equal(proof.certificate?.issuer, one.expect.issuer, one.id);
          if (one.expect.digest !== undefined && !one.args.includes('--check-claims=false')) assert.deepEqual(proof.digests, [one.expect.digest], one.id);
        }
      }
    });

    it('has nothing proven that cosign refuses for a cryptographic reason', () => {
      const refused = cases.filter(({ expect }) => expect.exit !== 0);
      assert.ok(refused.length >= 50, `only ${refused.length} cases`);
      for (const one of refused) {
        const text = one.stderr.split('error during command execution')[0] ?? '';
        const otherwise = text.match(NOT_CRYPTOGRAPHIC)?.length ?? 0;
        assert.ok(reader.prove(one, COSIGN).length <= otherwise, `${one.id}: ${one.why}: proven, but cosign says ${text}`);
      }
    });

    it('has nothing proven for the operator that is not for cosign, but for the documented differences', () => {
      const different = cases.filter((one) => {
        const cosign = reader.prove(one, COSIGN, 'everything').map(({ candidate }) => candidate.location);
        return reader.prove(one, OPERATOR, 'everything').some(({ candidate }) => !cosign.includes(candidate.location));
      });
      assert.deepEqual(different.map(({ id }) => id), BROADER[name]);
    });

    it('has every genuine signature proven for the operator too, but for the documented differences', () => {
      const different = cases.filter((one) => one.expect.exit === 0 && reader.prove(one, OPERATOR).length < (one.expect.count ?? 1)).map(({ id }) => id);
      assert.deepEqual(different, STRICTER[name]);
    });
  });
}
