import { parseArgs } from 'node:util';
import { inTurns, ratios, spread, table } from './support/figures.ts';
import { memory } from './support/memory.ts';
import { workloads } from './support/workloads.ts';
import type { Verify, Workload } from './support/workloads.ts';

export const about =
  'proving signatures beside the stock @sigstore/verify, in turns on one core [--rounds 9] [--only TEXT], then memory over [--count 5000] signatures';

/** Prints how many signatures a second of processor time proves, and how many times the stock verifier that is. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: { type: 'string', default: '9' }, only: { type: 'string', default: '' }, count: { type: 'string', default: '5000' } },
  });
  const rows = [['signatures', 'ours, per CPU second', 'stock', 'times']];
  let different = 0;
  for (const workload of workloads().filter(({ name }) => name.includes(values.only))) {
    different += differences(workload);
    const [ours, stock] = inTurns([{ name: 'ours', task: workload.ours }, { name: 'stock', task: workload.stock }], Number(values.rounds));
    if (ours !== undefined && stock !== undefined) rows.push([workload.name, spread(ours.perSecond), spread(stock.perSecond), spread(ratios(ours, stock), 1)]);
  }
  table(rows);
  console.log(`\nEvery figure is the median of ${values.rounds} rounds in turns (least–most).`);
  console.log(different === 0 ? 'Both gave the same answer for every signature: the same signer, and no for each one that was tampered with.' : `DIFFERENT ANSWERS: ${different}`);
  await memory(Number(values.count));
  return different === 0 ? 0 : 1;
}

/** How many signatures the two sides do not agree on, or that were tampered with and accepted. */
function differences({ name, size, ours, stock, tampered }: Workload): number {
  let different = 0;
  for (let turn = 0; turn < size; turn += 1) {
    const answers = [answer(ours, turn), answer(stock, turn), answer(tampered.ours, turn), answer(tampered.stock, turn)];
    if (answers[0] === answers[1] && answers[0] !== REFUSED && answers[2] === REFUSED && answers[3] === REFUSED) continue;
    different += 1;
    console.error(`${name}, signature ${turn}: ours ${answers[0]}, stock ${answers[1]}; tampered with: ours ${answers[2]}, stock ${answers[3]}`);
  }
  return different;
}

const REFUSED = 'refused';

function answer(verify: Verify, turn: number): string {
  try {
    return verify(turn);
  } catch {
    return REFUSED;
  }
}
