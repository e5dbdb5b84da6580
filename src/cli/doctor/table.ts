import { summaryOf } from './judge.ts';
import { CHECKS, type Finding, OUTCOMES, type Outcome } from './types.ts';

const WIDTH = 120;
const RESULT_WIDTH = Math.max(...OUTCOMES.map(({ length }) => length));
const CHECK_WIDTH = Math.max(...CHECKS.map(({ length }) => length));
const MARGIN = ' '.repeat(RESULT_WIDTH + CHECK_WIDTH + 4);

const SUMMARY: Readonly<Record<Outcome, (count: number) => string>> = {
  problem: (count) => `${count} problem${count === 1 ? '' : 's'}`,
  warning: (count) => `${count} warning${count === 1 ? '' : 's'}`,
  unseen: (count) => `${count} not seen`,
  ok: (count) => `${count} ok`,
};

/** Findings for people: each with what it is about and what to do, and at the end how many there are of each sort, which is what is read first. */
export function tableOf(findings: readonly Finding[]): string {
  const summary = summaryOf(findings);
  return `${findings.map(findingText).join('\n')}\n\n${OUTCOMES.map((outcome) => SUMMARY[outcome](summary[outcome])).join(', ')}\n`;
}

function findingText({ check, result, what, todo, objects = [], count = 0 }: Finding): string {
  const head = `${result.padEnd(RESULT_WIDTH)}  ${check.padEnd(CHECK_WIDTH)}  `;
  const more = count > objects.length ? [`${MARGIN}  and ${count - objects.length} more`] : [];
  return [
    head + wrapped(what, MARGIN),
    ...objects.map((object) => `${MARGIN}  ${object}`),
    ...more,
    ...(todo === undefined ? [] : todo.split('\n').map((line, index) => `${MARGIN}${index === 0 ? '→ ' : '  '}${lineOf(line)}`)),
  ].join('\n');
}

/** Prose is wrapped; rules and commands stay whole, to be copied. */
function lineOf(line: string): string {
  return line.startsWith('- {') || /(?:^|: )(?:kubectl|assay|openssl|curl) /.test(line) ? line : wrapped(line, `${MARGIN}  `);
}

function wrapped(text: string, margin: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH - margin.length) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join(`\n${margin}`);
}
