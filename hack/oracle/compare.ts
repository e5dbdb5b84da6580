import type { Case } from '../../test/oracle/cases.ts';
import type { Answer } from './answers.ts';
import { DIFFERENCES, type Difference } from './differences.ts';

/** What became of one case. */
export interface Outcome {
  readonly one: Case;
  readonly cosign: Answer;
  readonly assay: Answer;
  /** `same`: exit code and stdout are equal. `listed`: they are not, for a reason that is listed. */
  readonly verdict: 'same' | 'listed' | 'differs';
  readonly difference?: Difference;
  /** Whether the first line on stderr is equal too. */
  readonly sameSentence: boolean;
}

/** Holds both answers against each other: exit code and stdout exactly, and the first line that stderr has. */
export function compare(one: Case, cosign: Answer, assay: Answer): Outcome {
  const sameSentence = firstLine(cosign.stderr) === firstLine(assay.stderr);
  if (cosign.code === assay.code && cosign.stdout === assay.stdout) return { one, cosign, assay, verdict: 'same', sameSentence };
  const difference = DIFFERENCES.find((listed) => listed.covers({ one, cosign, assay }));
  return { one, cosign, assay, verdict: difference === undefined ? 'differs' : 'listed', ...(difference === undefined ? {} : { difference }), sameSentence };
}

/** The first line with anything in it, without what only says that a flag is deprecated. */
export function firstLine(stderr: string): string {
  return stderr.split('\n').find((line) => line.trim() !== '' && !/^Flag --\S+ has been deprecated|^WARNING: /.test(line)) ?? '';
}

/** How answers differ, in few words, so that cases of one cause come together. */
export function kindOf({ cosign, assay }: Pick<Outcome, 'cosign' | 'assay'>): string {
  const what = (answer: Answer): string => (answer.code === 0 ? 'accepts' : `refuses (${answer.code})`);
  if (cosign.code === assay.code) return 'both answer alike and print otherwise';
  return `cosign ${what(cosign)}, assay ${what(assay)}`;
}

/** A sentence without what differs from case to case. */
export function outline(stderr: string): string {
  return firstLine(stderr)
    .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')
    .replaceAll(/case\/\d+-\d+/g, 'REPO')
    .replaceAll(/[0-9a-f]{40,}/g, 'HEX')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, 'TIME')
    .replaceAll(/\/tmp\/\S+\/(?=\w+\.\w+)/g, 'FILES/')
    .slice(0, 220);
}
