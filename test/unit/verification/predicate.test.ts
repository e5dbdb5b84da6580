import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Re2Error } from '../../../src/api/re2.ts';
import { checkPredicate, evaluatePredicate, PredicateError, predicatePatterns } from '../../../src/verification/predicate.ts';

const STATEMENT = {
  _type: 'https://in-toto.io/Statement/v1',
  predicateType: 'https://slsa.dev/provenance/v1',
  subject: [{ name: 'web', digest: { sha256: 'a1' } }],
  predicate: JSON.parse(`{
    "builder": "https://github.com/acme/build", "count": 3, "score": 7.5, "huge": 9007199254740993, "none": null, "ok": true, "text": "true", "one": 1,
    "findings": [{"severity": "LOW", "ids": [1, 2]}, {"severity": "HIGH", "ids": [3]}], "finished": "2026-01-01T00:00:00Z",
    "$typeName": "google.protobuf.Any", "constructor": {"name": "x"}, "hasOwnProperty": 1
  }`) as unknown,
};

const SATISFIED = [
  'true',
  'predicate.builder == "https://github.com/acme/build"',
  'predicate.builder.startsWith("https://github.com/acme/")',
  String.raw`predicate.builder.matches("^https://github\\.com/acme/[a-z]+$")`,
  'predicateType == "https://slsa.dev/provenance/v1"',
  'subject[0].name == "web" && subject[0].digest.sha256 == "a1"',
  'statement._type.endsWith("/v1") && statement.predicate == predicate',
  'predicate.count == 3 && predicate.count + 1 == 4 && predicate.count > 2.5 && predicate.score > 7',
  'predicate.findings.all(finding, finding.severity != "CRITICAL")',
  'predicate.findings.exists(finding, finding.ids.exists(id, id == 3))',
  'predicate.findings.filter(finding, finding.severity == "HIGH").size() <= 1',
  'timestamp(predicate.finished) < timestamp("2026-06-01T00:00:00Z")',
  '!has(predicate.missing) && !has(predicate.none)',
  'predicate.none == null',
  'predicate.ok',
  'predicate["$typeName"] == "google.protobuf.Any" && predicate.constructor.name == "x" && predicate.hasOwnProperty == 1',
  'predicate.builder.split("/").size() == 5 && "A".lowerAscii() == "a"',
  '"count" in predicate && 1 in predicate.findings[0].ids',
  'predicate.exists(name, name == "count") && size(predicate.constructor) == 1 && predicate.constructor == {"name": "x"}',
  'predicate.findings[0] == {"severity": "LOW", "ids": [1, 2]} && {"severity": "LOW", "ids": [1, 2]} in predicate.findings',
  'predicate.findings.map(finding, finding.ids) == [[1, 2], [3]] && predicate.findings[1].ids + [4] == [3, 4]',
  'type(predicate) == map && type(predicate.findings) == list && type(predicate.count) == int && type(predicate.huge) == double',
];

describe('a statement satisfies', () => {
  for (const source of SATISFIED) {
    test(source, () => {
      checkPredicate(source);
      assert.deepEqual(evaluatePredicate(source, STATEMENT), { satisfied: true });
    });
  }
});

const UNSATISFIED: Record<string, RegExp> = {
  false: /^it is false$/,
  'predicate.count == 4': /^it is false$/,
  'predicate.missing': /field not found: missing/,
  '!predicate.missing': /field not found/,
  'predicate.missing.deeper == "x" ? true : true': /field not found/,
  'predicate.findings.all(finding, finding.missing == "x")': /field not found/,
  'predicate.one': /something else than true or false/,
  'predicate.text': /something else than true or false/,
  'predicate.findings': /something else/,
  predicate: /something else/,
  '"true"': /something else/,
  null: /something else/,
  'predicate.count + "a" == "3a"': /cannot be evaluated/,
  'predicate.findings[7] == 1': /cannot be evaluated/,
  'predicate.builder.matches(predicate.count)': /cannot be evaluated/,
  'predicate.builder.matches("x" + "(")': /no RE2/,
  'predicate.builder.matches("x{1000}" + "{1000}")': /RE2|instructions/,
  '1 / 0 == 1': /cannot be evaluated/,
};

describe('a statement does not satisfy', () => {
  for (const [source, why] of Object.entries(UNSATISFIED)) {
    test(source, () => {
      checkPredicate(source);
      const answer = evaluatePredicate(source, STATEMENT);
      assert.ok(!answer.satisfied);
      assert.match(answer.why, why);
    });
  }

  test('what only exists in JavaScript', () => {
    for (const source of ['constructor', '__proto__', 'toString', 'hasOwnProperty("a")', 'predicate.__proto__ == null', 'predicate.toString == null', '__proto__ == {}', 'predicate.__proto__ == {}', 'has(predicate.toString)', '"toString" in predicate']) {
      assert.equal(evaluatePredicate(source, STATEMENT).satisfied, false, source);
    }
  });

  test('anything, where the statement has no predicate', () => {
    assert.equal(evaluatePredicate('predicate.a == 1', {}).satisfied, false);
    assert.equal(evaluatePredicate('predicate == null && subject == []', {}).satisfied, true);
  });
});

const REFUSED: Record<string, RegExp> = {
  '': /no CEL expression/,
  'predicate.': /no CEL expression: <input>:1:/,
  'predicate == ': /no CEL/,
  'predicates.a == 1': /uses predicates, which there is not; there are predicate, /,
  'constructor == 1': /uses constructor/,
  'now > 1': /uses now/,
  'finding.a == 1 || predicate.findings.all(finding, true)': /uses finding/,
  'predicate.findings.any(x, true)': /calls any\(\)/,
  'sha256(predicate.a) == "x"': /calls sha256\(\)/,
  'google.protobuf.Duration{seconds: 1} == duration("1s")': /makes a message/,
  'predicate.a.all(x, x.all(y, y.all(z, true)))': /has 3 of all\(\)/,
  'predicate.a.map(x, x.filter(y, y.exists(z, z.exists_one(q, q)))).size() > 0': /has 3 of/,
};

describe('an expression is refused', () => {
  for (const [source, message] of Object.entries(REFUSED)) {
    test(source, () => assert.throws(() => checkPredicate(source), (error) => error instanceof PredicateError && message.test(error.message)));
  }
  test('with a pattern that is none', () => assert.throws(() => checkPredicate('predicate.a.matches("(")'), Re2Error));
  test('with a pattern that compiles to too much', () => assert.throws(() => checkPredicate('predicate.a.matches("(x{900}y{900}z{900})")'), Re2Error));
  test('with brackets that take the parser long', () => {
    const before = performance.now();
    for (const source of [`predicate.a.exists(${'('.repeat(600)}i, i == 1)`, `${'['.repeat(129)}1${']'.repeat(129)} == []`]) {
      assert.throws(() => checkPredicate(source), (error) => error instanceof PredicateError && /opening brackets, and at most 128/.test(error.message));
      assert.match(JSON.stringify(evaluatePredicate(source, STATEMENT)), /opening brackets/);
    }
    assert.ok(performance.now() - before < 200);
  });
  for (const [name, source] of Object.entries({ brackets: `${'('.repeat(2000)}true${')'.repeat(2000)}`, calls: `${'dyn('.repeat(300)}true${')'.repeat(300)}` })) {
    test(`with ${name} deeper than can be read`, () => assert.throws(() => checkPredicate(source), PredicateError));
  }
});

test('one comprehension after the other is not one inside of the other', () => checkPredicate('predicate.a.map(x, x).filter(x, x.all(y, y)).map(x, x).all(x, true)'));

test('an expression of the greatest length is read in a moment', () => {
  for (const source of [`true${' && true'.repeat(100)}`, `1${'+1'.repeat(100)} == 101`, `[${'1,'.repeat(2000)}1].size() == 2001`, `predicate.a in [${'"x",'.repeat(1000)}"x"]`]) {
    const before = performance.now();
    checkPredicate(source);
    assert.ok(performance.now() - before < 1000, source.slice(0, 40));
  }
});

test('the patterns of an expression are known without compiling them', () => {
  assert.deepEqual(predicatePatterns('predicate.a.matches("^x$") && predicate.b.all(c, c.matches("y"))'), ['^x$', 'y']);
  assert.deepEqual(predicatePatterns('predicate.a.matches(predicate.b)'), []);
  assert.deepEqual(predicatePatterns('('), []);
});
