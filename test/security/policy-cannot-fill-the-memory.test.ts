import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { projectPolicy } from '../../src/controllers/policy-object.ts';
import { policy } from '../support/builders.ts';
import { compile } from '../support/compile.ts';

/*
 * A policy keeps unknown fields, so that none vanishes unseen; so the whole MiB and a half of an object may be of them, in two hundred thousand members that
 * take ten times as much in memory. What is too large is refused by name, still governs its images, and is not kept.
 */

const MIB = 1024 * 1024;
const members = (count: number): Record<string, number> => Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, index]));

const LARGE: Readonly<Record<string, Record<string, unknown>>> = {
  'a hundred thousand unknown fields': members(100_000),
  'a list of a hundred thousand': { notes: Array.from({ length: 100_000 }, () => 0) },
  'brackets in brackets': { notes: Array.from({ length: 20_000 }, () => []) },
  'a text of more than a MiB': { notes: 'x'.repeat(MIB + 1) },
};

describe('a policy with', () => {
  for (const [what, fields] of Object.entries(LARGE)) {
    test(`${what} is refused by name, governs its images, and is not kept`, () => {
      const whole = policy({ ...fields });
      const kept = projectPolicy('ImageVerification', whole as never);
      assert.ok(JSON.stringify(kept).length < 1024, String(JSON.stringify(kept).length));
      const result = compile({ ...whole, spec: kept.spec as Record<string, unknown> });
      assert.ok(result.status === 'refused');
      assert.deepEqual([result.reason, result.field], ['PolicyInvalid', 'spec']);
      assert.match(result.message, /^is too large \(\d+ bytes\): /);
      assert.deepEqual([result.scope.governsImage('ghcr.io/acme/app'), result.scope.governsImage('ghcr.io/other/app')], [true, false]);
    });
  }
  test('as much as anybody needs is kept as it is', () => {
    const identities = Array.from({ length: 64 }, (_, index) => ({ issuer: 'https://issuer.example', subject: `https://github.com/acme/app-${index}/.github/workflows/release.yml@refs/heads/main`, claims: { runnerEnvironment: 'github-hosted' } }));
    const { spec } = policy({ authorities: Array.from({ length: 16 }, (_, index) => ({ name: `a${index}`, keyless: { identities: identities.slice(0, 16) } })) });
    assert.equal(projectPolicy('ImageVerification', { metadata: { name: 'release' }, spec } as never).spec, spec);
  });
});
