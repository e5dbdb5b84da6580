/**
 * `npm run oracle`: makes cases (test/oracle), asks the real cosign and assay, and prints where they differ. Builds cosign from its Go
 * module (hack/oracle/go.mod) when that was not done before. Exits with 1 when an answer differs that is not listed.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createCast } from '../../test/oracle/cast.ts';
import { makeCase, type Case } from '../../test/oracle/cases.ts';
import { createDice } from '../../test/oracle/dice.ts';
import { startRegistries } from '../../test/oracle/registries.ts';
import { binaries } from '../controlplane/binaries.ts';
import { temporaryDirectory } from '../controlplane/estate.ts';
import { ProgramsUnavailable } from '../controlplane/places.ts';
import { progress, seconds } from '../controlplane/progress.ts';
import { askAssay, askCosign, folderOf } from './answers.ts';
import { compare, type Outcome } from './compare.ts';
import { report, summary } from './report.ts';

const HELP = `npm run oracle [-- --seed N --cases N --filter TEXT --only verify|verify-attestation --show N --json]

Asks the real cosign and assay the same questions, on images and signatures made for it, and prints where they differ.
  --seed N     which cases (default: a new one each time, printed); the same seed makes the same cases, with new keys
  --cases N    how many (default 500)
  --filter T   only cases whose kinds contain this text, or with this number (SEED:NUMBER)
  --only C     only this command
  --show N     examples printed of each kind of difference (default 3)
  --sentences  also print where only the first line on stderr differs
  --json       print each case that differs as a line of JSON
  --help       print this
`;

/** Cases that are asked at the same time. */
const CONCURRENCY = 2;

interface Settings {
  readonly seed: number;
  readonly cases: number;
  readonly filter: string;
  readonly commands: Readonly<Record<Case['command'], number>>;
  readonly show: number;
  readonly sentences: boolean;
  readonly json: boolean;
}

function settings(): Settings | undefined {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string' },
      cases: { type: 'string', default: '500' },
      filter: { type: 'string', default: '' },
      only: { type: 'string', default: '' },
      show: { type: 'string', default: '3' },
      sentences: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed);
  const commands = { verify: values.only === 'verify-attestation' ? 0 : 70, 'verify-attestation': values.only === 'verify' ? 0 : 30 };
  return { seed, cases: Number(values.cases), filter: values.filter, commands, show: Number(values.show), sentences: values.sentences, json: values.json };
}

async function main(): Promise<number> {
  const chosen = settings();
  if (chosen === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const tell = progress();
  const { cosign } = await binaries(['cosign'], { module: import.meta.dirname, progress: tell });
  tell.step('starting two registries and four fronts');
  const registries = await startRegistries();
  tell.step('making keys and certificate authorities');
  const stage = { cast: createCast(), registries, commands: chosen.commands };
  const started = performance.now();
  const outcomes: Outcome[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    const root = temporaryDirectory('oracle');
    const home = join(root, 'home');
    mkdirSync(home);
    for (let number = next++; number < chosen.cases; number = next++) {
      const id = `${chosen.seed}:${number}`;
      if (/^\d+:\d+$/.test(chosen.filter) && chosen.filter !== id) continue;
      const one = await makeCase(id, stage, createDice(chosen.seed, number));
      if (chosen.filter !== id && !one.kinds.join(' | ').includes(chosen.filter)) continue;
      const folder = folderOf(one, root);
      const outcome = compare(one, await askCosign(cosign, one, folder, home), await askAssay(one, folder, home));
      outcomes.push(outcome);
      tell.step('asking both', `${number + 1} of ${chosen.cases}, ${summary(outcomes, (performance.now() - started) / 1000)}`);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  await registries.stop();
  tell.clear();
  process.stdout.write(report(outcomes, chosen));
  process.stdout.write(`seed ${chosen.seed}, ${seconds((performance.now() - started) / 1000)}: ${summary(outcomes)}\n`);
  return outcomes.some(({ verdict }) => verdict === 'differs') ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof ProgramsUnavailable ? error.message : error);
  process.exitCode = 1;
}
process.stdout.write('', () => process.exit());
