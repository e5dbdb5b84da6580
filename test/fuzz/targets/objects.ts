import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { ApiError } from '../../../src/kube/api-error.ts';
import { readWatch } from '../../../src/kube/watch-stream.ts';
import { compilePolicy } from '../../../src/verification/policy/compile.ts';
import { referencesOf } from '../../../src/verification/policy/references.ts';
import { sigstore } from '../../support/compile.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { owner } from '../../differential/cast.ts';
import { bytesOf, only, type FuzzTarget } from '../target.ts';

const SPECS = [
  {
    images: [{ glob: 'ghcr.io/acme/**' }],
    authorities: [
      { name: 'release', keyless: { identities: [{ issuer: 'https://token.actions.githubusercontent.com', subjectRegExp: '^https://github\\.com/acme/.*$', claims: { githubWorkflowRef: 'refs/tags/v1' } }] } },
      { name: 'ops', key: { data: owner.key.pem } },
    ],
    threshold: 2,
    exclude: [{ glob: 'ghcr.io/acme/base' }],
    pin: { mode: 'Patch' },
    recheckInterval: '24h',
  },
  { images: [{ glob: '**' }], workloads: { kinds: ['Deployment'], selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }] } }, authorities: [{ name: 'a', static: { action: 'Fail' } }] },
];

const refusal = (value: unknown): unknown => (typeof value === 'object' && value !== null && 'status' in value ? value.status : undefined);

/** Whatever a policy holds, it is in force or refused, for a reason and at a field. */
function compiles(input: Buffer): void {
  const spec = only([SyntaxError], () => ({ read: JSON.parse(input.toString('utf8')) as unknown }));
  if (spec === undefined) return;
  const trustRoot = sigstore('operator').source;
  assert.ok(referencesOf(spec.read).length <= 4096);
  for (const kind of ['ImageVerification', 'ClusterImageVerification'] as const) {
    const object = { kind, metadata: { name: 'p', ...(kind === 'ImageVerification' ? { namespace: 'n' } : {}) }, spec: spec.read };
    const result = compilePolicy(object, { references: new Map(), trustRoot });
    assert.ok(['compiled', 'refused'].includes(String(refusal(result))));
    if (result.status === 'refused') assert.ok(result.field.startsWith('spec') && result.message !== '' && result.message.length <= 2000, JSON.stringify(result).slice(0, 300));
  }
}

const frame = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

/** However the stream is cut into chunks, it is the same events, or the same refusal. */
async function watches(input: Buffer): Promise<void> {
  const results = await Promise.all([1 + (input.length % 61) + Math.floor(input.length / 2000), 100_000].map((size) => watched(input, size)));
  assert.deepEqual(results[0], results[1]);
}

async function watched(input: Buffer, size: number): Promise<readonly string[]> {
  const names: string[] = [];
  const chunks = Array.from({ length: Math.ceil(input.length / size) }, (_, at) => input.subarray(at * size, (at + 1) * size));
  const reading = { clock: new ManualClock(), what: 'watch pods', host: 'api', inactivity: 1000, signal: new AbortController().signal, maxEventBytes: 16 * 1024 };
  try {
    await readWatch(Readable.from(chunks), reading, ({ type, object }) => names.push(`${type} ${object.metadata.name}`));
  } catch (error) {
    assert.ok(error instanceof ApiError, String(error));
    names.push(error.code);
  }
  return names;
}

/** Parsers of what the API server holds. */
export const OBJECT_TARGETS: readonly FuzzTarget[] = [
  { name: 'policy', seeds: () => bytesOf(...SPECS), tokens: ['glob', '**', 'identities', 'subjectRegExp', 'threshold', 'key', 'secretRef', 'static'], run: compiles, cost: 900 },
  {
    name: 'watch',
    seeds: () => bytesOf(frame('ADDED', { metadata: { name: 'a', resourceVersion: '1' } }) + frame('BOOKMARK', { metadata: { resourceVersion: '2' } }), frame('ERROR', { code: 410, reason: 'Expired', message: 'old', details: { retryAfterSeconds: 1, causes: [{ field: 'a' }] } })),
    tokens: ['\n', '{"type":"ERROR","object":', '"metadata":', '"resourceVersion":"1"'],
    run: watches,
    maxBytes: 64 * 1024,
  },
];
