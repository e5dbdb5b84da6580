/**
 * Puts mutated signatures to us and to the stock `@sigstore/verify`: `npm run differential -- [--mutations 10000] [--seed N]`, or `--replay FILE` for
 * one that was saved. Every disagreement must be on one of the closed lists (test/differential/rules.ts, stricter.ts); one that is not is saved
 * whole, because keys and signatures are new in every run: a seed repeats the choice of mutations, the file repeats the bytes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import { compare, Tally } from '../test/differential/compare.ts';
import { anyMutation } from '../test/differential/mutation.ts';
import type { Question } from '../test/differential/question.ts';
import { mutated } from '../test/differential/questions.ts';
import { argumentsOf } from './arguments.ts';
import { progress } from './controlplane/progress.ts';

const FOLDER = resolve(import.meta.dirname, '..', 'differential-failures');
const print = (text: string): void => void process.stdout.write(`${text}\n`);

const values = argumentsOf('npm run differential -- [--mutations 10000] [--seed N], or --replay FILE', {
  mutations: { type: 'string', default: '10000' },
  seed: { type: 'string' },
  replay: { type: 'string' },
});

/** What is wrong with the answers to a question; nothing where every difference is on a list. */
function brokenIn(question: Question, tally: Tally): readonly string[] {
  return compare(question).flatMap((verdict) => {
    tally.add(verdict);
    return verdict.broken === undefined ? [] : [`${question.name}, ${verdict.profile}: ${verdict.broken}`];
  });
}

function save(question: Question): string {
  const text = `${JSON.stringify(question, undefined, 2)}\n`;
  const file = join(FOLDER, `${createHash('sha256').update(text).digest('hex').slice(0, 12)}.json`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(file, text);
  return file;
}

function run(mutations: number, seed: number): number {
  const [tally, tell, started] = [new Tally(), progress(), Date.now()];
  let failures = 0;
  for (const [index, mutation] of fc.sample(anyMutation, { numRuns: mutations, seed }).entries()) {
    if (index % 50 === 0) tell.step('putting mutations to both', `${index} of ${mutations}, ${failures} failures`);
    const question = mutated(mutation);
    const broken = brokenIn(question, tally);
    if (broken.length === 0) continue;
    failures += 1;
    tell.clear();
    print(`${broken.join('\n')}\n  npm run differential -- --replay ${save(question)}\n`);
  }
  tell.clear();
  print([...tally.lines(), `${mutations} mutations of seed ${seed} in ${Math.round((Date.now() - started) / 1000)} s: ${failures} failures`].join('\n'));
  return failures;
}

function replay(file: string): number {
  const broken = brokenIn(JSON.parse(readFileSync(file, 'utf8')) as Question, new Tally());
  print(broken.length === 0 ? 'every answer is on a list' : broken.join('\n'));
  return broken.length;
}

const failures = values.replay === undefined ? run(Number(values.mutations), Number(values.seed ?? Date.now() % 2 ** 31)) : replay(values.replay);
process.exitCode = failures === 0 ? 0 : 1;
