import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { loadTrustRoot } from '../../../src/signatures/trust-root.ts';
import type { Candidate, Requirement } from '../../../src/signatures/types.ts';
import { corpus } from '../../support/signature-corpus.ts';
import { stockVerify, stockVerifyLegacy } from '../../support/sigstore/stock.ts';

const found = corpus('signatures');
const skip = found === undefined ? 'the corpus ../shared/corpus/signatures is not beside this repository' : false;

/** One of so many legacy cases: the stock verifier takes 10 to 20 ms for each. */
const SAMPLE = 5;

function proves(task: () => unknown): boolean {
  try {
    task();
    return true;
  } catch {
    return false;
  }
}

/** The stock verifier refuses a bundle for a timestamp that it cannot verify; we pass over what nobody asked for. */
function withoutTimestamps(bytes: Uint8Array): unknown {
  const bundle = JSON.parse(Buffer.from(bytes).toString()) as { verificationMaterial: Record<string, unknown> };
  const { timestampVerificationData: _, ...material } = bundle.verificationMaterial;
  return { ...bundle, verificationMaterial: material };
}

function stock(root: string, candidate: Candidate): boolean {
  return proves(() => {
    if (candidate.format === 'bundle') return stockVerify(root, withoutTimestamps(candidate.bytes));
    return stockVerifyLegacy(root, { payload: Buffer.from(candidate.format === 'legacy' ? candidate.payload : candidate.envelope), annotations: { ...candidate.annotations } });
  });
}

describe('beside @sigstore/verify as it is', { skip }, () => {
  it('every signature has the same answer', () => {
    assert.ok(found);
    const keyless = found.cases.filter(({ kind, args }) => kind.endsWith('-keyless') && args.includes('trust/public-good.json'));
    const sampled = keyless.filter(({ kind }, index) => kind === 'bundle-keyless' || index % SAMPLE === 0);
    const root = found.file('trust/public-good.json');
    const requirement: Requirement = { trust: loadTrustRoot(root), log: 'Required', timestamp: 'NotAsked', sct: 'Required', profile: OPERATOR, now: 0 };
    const different: string[] = [];
    let same = 0;
    for (const { id, ref } of sampled) {
      for (const candidate of [...found.legacy(ref), ...found.bundles(ref)]) {
        const [ours, theirs] = [proves(() => prove(candidate, requirement)), stock(root, candidate)];
        if (ours === theirs) same += 1;
        else different.push(`${id}: proven by ${ours ? 'us' : 'it'} alone`);
      }
    }
    assert.ok(same >= 100, `only ${same} compared`);
    assert.deepEqual(different, []);
  });
});
