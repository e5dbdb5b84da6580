import { parseImageReference } from '../../src/api/image-reference.ts';
import { digestOf } from '../../src/base/digest.ts';
import type { Candidate } from '../../src/signatures/types.ts';
import { judge, type Judgement } from '../../src/verification/judge.ts';
import { policy } from './builders.ts';
import { compiled } from './compile.ts';
import { asking, AT, IMAGE, outcome, trust } from './signatures.ts';

/**
 * What a policy with this spec says of `IMAGE` with these signatures beside it, as of `now`: compiled, each signature really proven against the trust
 * root of `test/support/signatures.ts`, and judged. Without network, caches and workers.
 */
export function judged(spec: Record<string, unknown>, candidates: readonly Candidate[], now = AT): Judgement {
  const evidence = { candidates, defects: [], failures: [], omitted: 0, attestations: 0, digest: IMAGE.digest, hash: digestOf(''), fetchedAt: now };
  const judging = compiled(policy(spec));
  const facts = { image: parseImageReference(`${IMAGE.repository}:1`), digest: IMAGE.digest, evidence: judging.authorities.map(() => evidence), now };
  return judge(judging, facts, ({ candidate, authority, key }) => {
    const { attestations, log, timestamp, sct } = authority;
    const wants = attestations.length > 0 ? ({ wants: 'Attestation' } as const) : {};
    const answer = outcome(candidate, asking({ log, timestamp, sct, trust, now, ...wants, ...(key === undefined ? {} : { key }) }));
    return answer instanceof Error ? { error: answer } : { proof: answer };
  });
}
