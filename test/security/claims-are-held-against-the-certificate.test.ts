import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CLAIM_NAMES } from '../../src/signatures/identity.ts';
import { compile } from '../support/compile.ts';
import { policy } from '../support/builders.ts';
import { judged } from '../support/judged.ts';
import { bundle, ISSUER, legacy, SUBJECT, world } from '../support/signatures.ts';
import { CLAIMS } from '../support/sigstore/authority.ts';

/*
 * CVE-2026-48815, CVE-2025-29778: what a policy demands of a certificate was accepted and then dropped on the way, by the library and by the policy
 * engine. Here each demand goes all the way: from the policy's text, through compiling, proving and judging, to the certificate's bytes.
 */

/** Fulcio's arcs that the test authority has no name for. */
const ARCS: Readonly<Record<string, string>> = { deploymentEnvironment: '1.3.6.1.4.1.57264.1.23', tokenSubject: '1.3.6.1.4.1.57264.1.24' };

const accepting = (identity: Record<string, unknown>): Record<string, unknown> => ({ authorities: [{ name: 'ci', keyless: { identities: [identity] } }] });
const wanting = (claims: Record<string, string>): Record<string, unknown> => accepting({ issuer: ISSUER, subject: SUBJECT, claims });

describe('CVE-2026-48815: the claim', () => {
  for (const name of CLAIM_NAMES) {
    test(`${name} that a policy demands must be in the certificate with this very value`, () => {
      const saying = (value: string | undefined) => world.keyless({ subject: SUBJECT, issuer: ISSUER, claims: value === undefined ? {} : { [CLAIMS[name] === undefined ? (ARCS[name] ?? '') : name]: value } });
      for (const make of [legacy, bundle]) {
        const says = (value: string | undefined): string => judged(wanting({ [name]: 'wanted' }), [make(saying(value))]).reason;
        assert.deepEqual([says('wanted'), says('wanted '), says('WANTED'), says('other'), says(''), says(undefined)], ['SignatureValid', ...Array.from({ length: 5 }, () => 'IdentityMismatch')]);
      }
    });
  }

  test('that nobody knows is refused with its path, and no signature is looked at', () => {
    for (const name of ['certificateOIDs', 'githubWorkflowReff', '1.3.6.1.4.1.57264.1.5', 'GITHUBWORKFLOWREF']) {
      const result = compile(policy(wanting({ [name]: 'x' })));
      assert.ok(result.status === 'refused' && result.field === `spec.authorities[0].keyless.identities[0].claims[${name}]`, JSON.stringify(result));
    }
  });
});

describe('CVE-2025-29778: the demand', () => {
  const signature = [legacy(world.keyless({ subject: SUBJECT, issuer: ISSUER }))];
  const [subject, issuer] = [SUBJECT, ISSUER];
  const cases: Record<string, readonly [Record<string, unknown>, string]> = {
    'of a subject': [{ issuer, subject: `${SUBJECT}0` }, 'IdentityMismatch'],
    'of an issuer': [{ issuer: `${ISSUER}/`, subject }, 'IdentityMismatch'],
    'of a subject by pattern': [{ issuer, subjectRegExp: '^https://github\\.com/evil/' }, 'IdentityMismatch'],
    'of an issuer by pattern': [{ issuerRegExp: '^https://evil\\.example$', subject }, 'IdentityMismatch'],
    'of a subject and an issuer by patterns that fit': [{ issuerRegExp: '^https://token\\.', subjectRegExp: '^https://github\\.com/acme/' }, 'SignatureValid'],
  };
  for (const [what, [identity, reason]] of Object.entries(cases)) {
    test(`${what} counts: ${reason}`, () => assert.equal(judged(accepting(identity), signature).reason, reason));
  }
});
