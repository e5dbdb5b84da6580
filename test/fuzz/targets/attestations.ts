import assert from 'node:assert/strict';
import { Re2Error } from '../../../src/api/re2.ts';
import { statementOf } from '../../../src/signatures/attestation.ts';
import { JsonError } from '../../../src/signatures/json.ts';
import { loadOwnAuthorities } from '../../../src/signatures/own-authorities.ts';
import { COSIGN, OPERATOR } from '../../../src/signatures/profile.ts';
import { prove } from '../../../src/signatures/prove.ts';
import { TrustRootError } from '../../../src/signatures/trust-root.ts';
import { SignatureError } from '../../../src/signatures/types.ts';
import type { LegacyAttestationCandidate } from '../../../src/signatures/types.ts';
import { checkPredicate, evaluatePredicate, PredicateError, type StatementJson } from '../../../src/verification/predicate.ts';
import { owner, release, world } from '../../differential/cast.ts';
import { asking, IMAGE, keyOf } from '../../support/signatures.ts';
import { ownAuthoritiesPem } from '../../support/own-authorities.ts';
import { bytesOf, only, type FuzzTarget } from '../target.ts';

const PREDICATE = { predicateType: 'https://slsa.dev/provenance/v1', predicate: { builder: { id: 'x' }, count: 3, items: [1, null, { a: 'b' }] } };
const layer = world.legacyAttestation(owner, IMAGE, PREDICATE);
const key = keyOf(owner);

function readsEnvelope(input: Buffer): void {
  const candidate: LegacyAttestationCandidate = { format: 'legacy-attestation', location: 'a', envelope: input, annotations: layer.annotations };
  for (const profile of [OPERATOR, COSIGN]) {
    only([SignatureError], () => prove(candidate, asking({ profile, key })));
    const proven = only([SignatureError], () => prove(candidate, asking({ profile, key, log: 'Ignored' })));
    const statement = only([SignatureError, JsonError], () => statementOf(candidate, profile));
    // What is believed of a statement is what was proven of it.
    if (proven !== undefined) assert.equal(statement?.['predicateType'], proven.type);
  }
}

const EXPRESSIONS = [
  'predicate.builder.id == "x" && predicate.count + 1 > 3.5',
  'predicate.items.all(item, item == null || type(item) == int || has(item.a))',
  'size(subject) > 0 && statement.predicateType.matches("^https://")',
  'string(predicate) == "" || predicate.items[0] in predicate.items',
  'timestamp(predicate.finished) < timestamp("2026-01-01T00:00:00Z")',
];

const STATEMENT: StatementJson = { _type: 'x', subject: [{ digest: { sha256: 'a' } }], ...PREDICATE };

function evaluatesExpression(input: Buffer): void {
  const source = input.toString('utf8');
  only([PredicateError, Re2Error], () => checkPredicate(source));
  assert.equal(typeof evaluatePredicate(source, STATEMENT).satisfied, 'boolean');
}

function evaluatesStatement(input: Buffer): void {
  let statement: unknown;
  try {
    statement = JSON.parse(input.toString('utf8'));
  } catch {
    return;
  }
  if (typeof statement !== 'object' || statement === null || Array.isArray(statement)) return;
  for (const source of EXPRESSIONS) assert.equal(typeof evaluatePredicate(source, statement as StatementJson).satisfied, 'boolean');
}

/** Parsers of attestations, of what policies ask of them, and of a PKI of one's own. */
export const ATTESTATION_TARGETS: readonly FuzzTarget[] = [
  { name: 'attestation-envelope', seeds: () => bytesOf(layer.payload, world.legacyAttestation(release, IMAGE, PREDICATE).payload), tokens: ['payloadType', 'payload', 'signatures', 'sig', 'keyid'], run: readsEnvelope },
  {
    name: 'cel-expression',
    seeds: () => bytesOf(...EXPRESSIONS, 'predicate.items.exists(i, i == 1) ? true : false', '{"a": [1u, 2.5e3, b"x", r"y"]}.a.size() == 4', '!has(predicate.missing)'),
    tokens: ['predicate', 'subject', 'statement', '.all(x, ', '.map(x, ', '.filter(', '.matches("', '&&', '||', '? true : ', '[', '{', '(', ')', 'in', '"""', 'timestamp(', 'duration("1h")', '.split("")', '.join()', '.format([', '.replace("", "x")'],
    run: evaluatesExpression,
    maxBytes: 2048,
    cost: 600,
  },
  { name: 'cel-statement', seeds: () => bytesOf(STATEMENT, { predicate: { $typeName: 'google.protobuf.Any', constructor: 1 } }, { subject: null, predicate: 'text' }), tokens: ['"$typeName":', '"__proto__":', '"constructor":', '1e308', '-0', '9007199254740993'], run: evaluatesStatement },
  { name: 'own-authorities', seeds: () => bytesOf(ownAuthoritiesPem(world)), tokens: ['-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----'], run: (input) => void only([TrustRootError], () => loadOwnAuthorities(input.toString('utf8'))), maxBytes: 65_536 },
];
