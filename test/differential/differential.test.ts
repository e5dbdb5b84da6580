import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { COSIGN, OPERATOR } from '../../src/signatures/profile.ts';
import { loadTrustRoot } from '../../src/signatures/trust-root.ts';
import { asking, found, IMAGE, keyOf, refused } from '../support/signatures.ts';
import { CASES, REFUSED, type NamedCase } from './cases.ts';
import { owner, root, world } from './cast.ts';
import { compare, Tally } from './compare.ts';
import { anyMutation } from './mutation.ts';
import { askStock, askUs, treeOf, type Question } from './question.ts';
import { GENUINE, mutated } from './questions.ts';
import { explain, WIDER } from './rules.ts';

/** `npm run differential` does ten thousand, and any number with any seed. */
const MUTATIONS = 1800;
const SEED = 20_261_122;

const answers = JSON.parse(readFileSync(join(import.meta.dirname, 'cosign-answers.json'), 'utf8')) as Record<string, { exit: number; says: string }>;

function questionOf({ rule, make, key, ...asked }: NamedCase): Question {
  return { log: 'Required', sct: 'Required', ...asked, name: rule, tree: treeOf(make(IMAGE), root, key && keyOf(key)) };
}

describe('beside @sigstore/verify as it is, what is genuine', () => {
  for (const question of GENUINE) {
    it(`is accepted by both: ${question.name}`, () => {
      assert.equal(askStock(question).accepted, true);
      assert.deepEqual(compare(question)[0], { profile: 'operator', kind: 'both accept', rules: [] });
    });
  }
});

describe('what we alone accept', () => {
  it('has a case, and the answer of cosign, for every rule of the list', () => {
    assert.deepEqual([...new Set(CASES.map(({ rule }) => rule))], WIDER.map(({ rule }) => rule));
    for (const { rule } of [...CASES, ...REFUSED]) assert.ok(answers[rule], `ask cosign about it, with test/differential/record.ts: ${rule}`);
  });

  for (const one of CASES) {
    const question = questionOf(one);
    const profiles = WIDER.find(({ rule }) => rule === one.rule)?.profiles ?? [];
    it(`${one.rule}: explained by that rule alone`, () => {
      assert.equal(askStock(question).accepted, false);
      for (const profile of [OPERATOR, COSIGN]) {
        const ours = askUs(question, profile);
        assert.equal(ours.accepted, profiles.includes(profile.name), `${profile.name}: ${JSON.stringify(ours)}`);
        if (ours.accepted) assert.deepEqual(explain(question, profile.name, ours), [one.rule]);
      }
    });

    it(`${one.rule}: the command line answers as cosign did`, () => {
      assert.equal(askUs(question, COSIGN).accepted, answers[one.rule]?.exit === 0, answers[one.rule]?.says);
    });
  }
});

describe('what we accepted once and cosign does not', () => {
  for (const one of REFUSED) {
    it(one.rule, () => {
      assert.notEqual(answers[one.rule]?.exit, 0);
      for (const profile of [OPERATOR, COSIGN]) {
        const ours = askUs(questionOf(one), profile);
        assert.match(ours.accepted ? 'accepted' : ours.text, one.reason, profile.name);
      }
    });
  }
});

it('a legacy entry has the SHA-256 of the payload also where the signature is made with SHA-512 (cosign: unexpected algorithm: "sha512")', () => {
  const signature = world.legacySignature(owner, IMAGE, { hash: 'sha512' });
  for (const profile of [OPERATOR, COSIGN]) {
    refused(found(signature), asking({ key: keyOf(owner, 'sha512'), trust: loadTrustRoot(JSON.stringify(root)), profile }), 'NotLogged', /about another artifact/);
  }
});

describe(`of ${MUTATIONS} mutations`, () => {
  it('none is accepted by us alone but by a rule of the list, none refused but for a reason of the list, and both name one signer', (context) => {
    const tally = new Tally();
    fc.assert(
      fc.property(anyMutation, (mutation) => {
        for (const verdict of compare(mutated(mutation))) {
          tally.add(verdict);
          assert.equal(verdict.broken, undefined, verdict.profile);
        }
      }),
      { numRuns: MUTATIONS, seed: SEED },
    );
    for (const line of tally.lines()) context.diagnostic(line);
    for (const kind of ['both accept', 'both refuse', 'we alone accept', 'we alone refuse']) {
      for (const profile of ['operator', 'cosign']) assert.ok((tally.kinds.get(`${profile}: ${kind}`) ?? 0) >= MUTATIONS / 200, `hardly any: ${profile}: ${kind}`);
    }
  });
});
