import { firstLine, kindOf, outline, type Outcome } from './compare.ts';
import { DIFFERENCES } from './differences.ts';

/** How much of it is printed. */
export interface ReportOptions {
  /** Examples of each kind of difference. */
  readonly show: number;
  readonly sentences: boolean;
  readonly json: boolean;
}

/** `N agreed (of these N with the same sentence), M differ, K listed`, and how fast where `elapsed` seconds are given. */
export function summary(outcomes: readonly Outcome[], elapsed?: number): string {
  const count = (verdict: Outcome['verdict']): number => outcomes.filter((one) => one.verdict === verdict).length;
  const alike = outcomes.filter(({ verdict, sameSentence }) => verdict === 'same' && sameSentence).length;
  const speed = elapsed === undefined ? '' : `, ${(outcomes.length / elapsed).toFixed(1)} a second`;
  return `${count('same')} agreed (${alike} with the same first line on stderr), ${count('differs')} differ, ${count('listed')} listed${speed}`;
}

/** The text of a run: differences by kind with examples, then what was listed and why. */
export function report(outcomes: readonly Outcome[], options: ReportOptions): string {
  const differing = outcomes.filter(({ verdict }) => verdict === 'differs');
  if (options.json) return differing.map((outcome) => `${JSON.stringify({ kind: kindOf(outcome), ...outcome, one: { ...outcome.one, files: Object.fromEntries(outcome.one.files) } })}\n`).join('');
  const sentences = options.sentences ? outcomes.filter(({ verdict, sameSentence }) => verdict === 'same' && !sameSentence) : [];
  return [...groups(differing, kindOf, options.show), ...groups(sentences, () => 'only the sentence differs', options.show), ...listed(outcomes), ''].join('\n');
}

/** By kind, and in it by what both say; most frequent first. */
function groups(outcomes: readonly Outcome[], kind: (outcome: Outcome) => string, show: number): string[] {
  const by = Map.groupBy(outcomes, (outcome) => `${kind(outcome)}\n    cosign: ${outline(outcome.cosign.stderr)}\n    assay:  ${outline(outcome.assay.stderr)}`);
  const ordered = [...by].toSorted(([, one], [, other]) => other.length - one.length);
  return ordered.flatMap(([title, members]) => [`${members.length} × ${title}`, ...members.slice(0, show).flatMap(example), '']);
}

function example({ one, cosign, assay }: Outcome): string[] {
  const lines = [`      ${one.id}  ${one.kinds.join(' | ')}`];
  if (cosign.code === assay.code && cosign.stdout !== assay.stdout) lines.push(`        cosign prints ${shown(cosign.stdout, assay.stdout)}`, `        assay prints  ${shown(assay.stdout, cosign.stdout)}`);
  else if (firstLine(cosign.stderr) !== firstLine(assay.stderr)) lines.push(`        ${one.args.join(' ').slice(0, 400)}`);
  return lines;
}

/** Where a text begins to differ from another. */
function shown(text: string, other: string): string {
  const at = Math.max(text.split('').findIndex((character, index) => character !== other[index]) - 60, 0);
  return JSON.stringify(text.slice(at, at + 200));
}

function listed(outcomes: readonly Outcome[]): string[] {
  return DIFFERENCES.flatMap((difference) => {
    const count = outcomes.filter((one) => one.difference === difference).length;
    return count === 0 ? [] : [`${count} × listed: ${difference.name}: ${difference.reason}`];
  });
}
