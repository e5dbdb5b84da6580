/**
 * Runs every recorded case of the signature corpora through `assay verify` and `assay verify-attestation`, at registries of every
 * kind, and compares with what the real cosign printed: `npm run corpus [-- --corpus NAME]`. Ends with the counts, and with 1 where one differs.
 */
import { bagOfWords, CORPORA, type Ran, runCorpus } from '../test/support/corpus-run.ts';
import type { RegistryConditions } from '../test/support/replay-registry.ts';
import { skipWithoutReplay } from '../test/support/replay-registry.ts';
import { argumentsOf } from './arguments.ts';
import { progress } from './controlplane/progress.ts';

const tell = progress();

/** Every combination of what a registry can be like, and one that throttles now and then. */
const CONDITIONS: readonly RegistryConditions[] = [
  ...(['supported', 'unsupported'] as const).flatMap((referrers) =>
    [false, true].flatMap((auth) => [false, true].map((redirects) => ({ referrers, auth, 'redirect-blobs': redirects }))),
  ),
  { 'status429-every': '97', 'retry-after': '1' },
];

interface Comparison {
  /** Cases in which it was accepted or refused as by cosign. */
  readonly decision: number;
  /** … and the exit code and standard output are the same. */
  readonly stdout: number;
  /** … and every word of standard error. */
  readonly all: number;
  readonly differ: readonly string[];
}

function compare(ran: readonly Ran[]): Comparison {
  const decided = ran.filter(({ code, cosign }) => (code === 0) === (cosign.code === 0));
  const same = decided.filter(({ code, stdout, cosign }) => code === cosign.code && stdout === cosign.stdout);
  const whole = same.filter(({ stderr, cosign }) => bagOfWords(stderr) === bagOfWords(cosign.stderr));
  return { decision: decided.length, stdout: same.length, all: whole.length, differ: ran.filter((one) => !same.includes(one)).map(({ id }) => id) };
}

function nameOf({ referrers, auth, 'redirect-blobs': redirects, 'status429-every': every }: RegistryConditions): string {
  const parts = [referrers === 'unsupported' ? 'no referrers API' : 'referrers API', ...(auth === true ? ['tokens'] : []), ...(redirects === true ? ['blobs elsewhere'] : [])];
  return [...parts, ...(every === undefined ? [] : [`a 429 every ${every} answers`])].join(', ');
}

async function main(): Promise<number> {
  const values = argumentsOf('npm run corpus -- [--corpus NAME]', { corpus: { type: 'string' } });
  const names = Object.keys(CORPORA).filter((name) => values.corpus === undefined || name === values.corpus);
  if (names.length === 0) {
    console.error(`there is no corpus ${values.corpus}; there are ${Object.keys(CORPORA).join(', ')}`);
    return 2;
  }
  const absent = names.map(skipWithoutReplay).find((sentence) => sentence !== false);
  if (absent !== undefined) {
    console.log(absent);
    return 0;
  }
  let differing = 0;
  console.log('corpus        all  decision  stdout  stderr too  registry');
  for (const name of names) {
    for (const conditions of CONDITIONS) {
      const ran = await runCorpus(name, conditions, (done, all) => tell.step(`${name}, ${nameOf(conditions)}`, `${done} of ${all}`));
      tell.clear();
      const { decision, stdout, all, differ } = compare(ran);
      console.log(`${name.padEnd(12)}  ${[ran.length, decision, stdout, all].map((count, at) => String(count).padStart([3, 8, 6, 10][at] ?? 0)).join('  ')}  ${nameOf(conditions)}`);
      for (const id of differ) console.log(`  differs: ${id}`);
      differing += differ.length;
    }
  }
  console.log(`\n${differing === 0 ? 'No case differs in exit code or standard output.' : `${differing} cases differ.`}`);
  return differing === 0 ? 0 : 1;
}

process.exitCode = await main();
