import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CliContext } from '../../src/cli/context.ts';
import { verify } from '../../src/cli/verify.ts';
import { printAccepted } from '../../src/cli/verify-output.ts';
import type { VerifyOptions } from '../../src/cli/verify-options.ts';
import { COSIGN } from '../../src/signatures/profile.ts';
import { prove } from '../../src/signatures/prove.ts';
import { asking, IMAGE, ISSUER, legacy, SUBJECT, world } from '../support/signatures.ts';

/* Whoever signs chooses the name of a workflow; whoever verifies reads it in a terminal (CVE-2021-25743 is of this kind). */

const STEERS = /(?!\n)[\p{Cc}\p{Cf}]/u;
const name = 'release\u001b[2K\rVerified OK\u009b31m\u202e';

/** A context that has nothing but somewhere to write to. */
function listening(): { context: CliContext; heard: () => string } {
  let heard = '';
  const stderr = (text: string): void => {
    heard += text;
  };
  return { context: { stdout: () => undefined, stderr, env: {}, readFile: () => Promise.reject(new Error('no such file')) } as unknown as CliContext, heard: () => heard };
}

test('what a certificate says is printed without what steers a terminal', () => {
  const signer = world.keyless({ subject: SUBJECT, issuer: ISSUER, claims: { githubWorkflowName: name } });
  const candidate = legacy(signer);
  const proof = prove(candidate, asking({ profile: COSIGN }));
  const { context, heard } = listening();
  printAccepted(context, IMAGE.repository, [{ candidate, proof }], { output: 'text' } as VerifyOptions);
  assert.match(heard(), /GitHub Workflow Name: release\\u\{1b\}/);
  assert.doesNotMatch(heard(), STEERS);
});

test('an error that repeats what somebody wrote does not steer a terminal', async () => {
  const { context, heard } = listening();
  assert.notEqual(await verify(['--key=none\u001b[2K\u009b31m\u202e', IMAGE.repository], context), 0);
  assert.match(heard(), /^Error: /);
  assert.doesNotMatch(heard(), STEERS);
});
