import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { parsePublicKeys, PublicKeyError } from '../../src/signatures/public-key.ts';
import type { PublicKey } from '../../src/signatures/public-key.ts';
import type { Candidate } from '../../src/signatures/types.ts';
import { corpus, type Corpus, type CorpusCase } from '../support/signature-corpus.ts';
import { root } from './cast.ts';
import { compare, Tally } from './compare.ts';
import { treeOf, type Question } from './question.ts';

/** The corpora were recorded on that day; only certificates without an authenticated time are judged by it. */
const NOW = Date.parse('2026-11-22T18:00:00Z');

/** Every signature with every set of demands that a case makes on it, each once. */
function questionsOf(found: Corpus): readonly Question[] {
  const questions = new Map<string, Question>();
  for (const one of found.cases.filter(({ kind }) => /^(?:legacy|bundle)-/.test(kind))) {
    for (const question of asked(found, one)) questions.set(createHash('sha256').update(JSON.stringify({ ...question, name: '' })).digest('hex'), question);
  }
  return [...questions.values()];
}

function asked(found: Corpus, { id, ref, args }: CorpusCase): readonly Question[] {
  const value = (flag: string): string | undefined => (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined);
  const has = (flag: string): boolean => args.some((argument) => argument.startsWith(flag));
  const [rootFile, key] = [value('--trusted-root'), keyIn(found, value('--key'))];
  if (found.resolve(ref) === undefined || key === 'no key') return [];
  // A key without a log needs no trusted root; the question has one all the same.
  const trusted = rootFile === undefined ? root : objectIn(textIn(found, rootFile));
  if (rootFile === undefined && (key === undefined || !has('--insecure-ignore-tlog'))) return [];
  return [...found.legacy(ref), ...found.bundles(ref)].map((candidate, index) => ({
    name: `${id} #${index}`,
    tree: treeIn(candidate, trusted, key),
    log: has('--insecure-ignore-tlog') ? 'Ignored' : 'Required',
    sct: has('--insecure-ignore-sct') ? 'Ignored' : 'Required',
    ...(has('--use-signed-timestamps') ? { timestamp: 'Required' as const } : {}),
    now: NOW,
  }));
}

function keyIn(found: Corpus, file: string | undefined): PublicKey | 'no key' | undefined {
  if (file === undefined) return undefined;
  try {
    return parsePublicKeys(textIn(found, file))[0] ?? 'no key';
  } catch (error) {
    assert.ok(error instanceof PublicKeyError);
    return 'no key';
  }
}

function textIn(found: Corpus, file: string): string {
  try {
    return found.file(file);
  } catch {
    // Some cases name a file that is not there.
    return '';
  }
}

function objectIn(text: string): object {
  try {
    return JSON.parse(text) as object;
  } catch {
    return {};
  }
}

function treeIn(candidate: Candidate, trusted: object, key: PublicKey | undefined): Question['tree'] {
  if (candidate.format === 'bundle') return treeOf(objectIn(Buffer.from(candidate.bytes).toString('utf8')), trusted, key);
  if (candidate.format !== 'legacy') throw new Error(`${candidate.location} is no signature`);
  return treeOf({ payload: Buffer.from(candidate.payload), annotations: { ...candidate.annotations } }, trusted, key);
}

for (const [name, least] of [['signatures', 300], ['cosign-local', 60]] as const) {
  const found = corpus(name);
  const skip = found === undefined ? `the corpus ../shared/corpus/${name} is not beside this repository` : false;
  describe(`beside @sigstore/verify as it is, the corpus ${name}`, { skip }, () => {
    it('has no signature that we alone accept but by a rule of the list, or refuse but for a reason of the list', (context) => {
      assert.ok(found);
      const [questions, tally, broken] = [questionsOf(found), new Tally(), [] as string[]];
      for (const question of questions) {
        for (const verdict of compare(question)) {
          tally.add(verdict);
          if (verdict.broken !== undefined) broken.push(`${question.name}, ${verdict.profile}: ${verdict.broken}`);
        }
      }
      for (const line of [`${questions.length} questions`, ...tally.lines()]) context.diagnostic(line);
      assert.deepEqual(broken, []);
      assert.ok(questions.length >= least, `only ${questions.length} questions`);
    });
  });
}
