import assert from 'node:assert/strict';
import test from 'node:test';
import { compileLabelSelector, LabelSelectorError, type LabelSelector } from '../../../src/api/label-selector.ts';

const LABELS = { env: 'prod', tier: 'web' };
const one = (key: string, operator: string, values?: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator, ...(values === undefined ? {} : { values }) }],
});

const SELECTS: Record<string, [LabelSelector, boolean]> = {
  'nothing asked selects everything': [{}, true],
  'an equal label': [{ matchLabels: { env: 'prod' } }, true],
  'another value': [{ matchLabels: { env: 'dev' } }, false],
  'an absent label': [{ matchLabels: { zone: 'a' } }, false],
  'all labels must match': [{ matchLabels: { env: 'prod', tier: 'db' } }, false],
  'In with the value': [one('env', 'In', ['dev', 'prod']), true],
  'In without the label': [one('zone', 'In', ['a']), false],
  'NotIn with the value': [one('env', 'NotIn', ['prod']), false],
  'NotIn without the label selects': [one('zone', 'NotIn', ['a']), true],
  'Exists with the label': [one('env', 'Exists'), true],
  'Exists without the label': [one('zone', 'Exists'), false],
  'DoesNotExist with the label': [one('env', 'DoesNotExist'), false],
  'DoesNotExist without the label': [one('zone', 'DoesNotExist'), true],
  'labels and expressions must all match': [{ matchLabels: { env: 'prod' }, ...one('tier', 'In', ['db']) }, false],
  'a name out of every object is no label': [one('constructor', 'Exists'), false],
};

for (const [sentence, [selector, selected]] of Object.entries(SELECTS)) {
  test(sentence, () => assert.equal(compileLabelSelector(selector)(LABELS), selected));
}

const BAD: Record<string, [LabelSelector, string, string]> = {
  'an unknown operator': [one('env', 'Equals', ['x']), 'OperatorUnknown', 'matchExpressions[0].operator'],
  'In without values': [one('env', 'In', []), 'ValuesMissing', 'matchExpressions[0].values'],
  'NotIn without values': [one('env', 'NotIn'), 'ValuesMissing', 'matchExpressions[0].values'],
  'Exists with values': [one('env', 'Exists', ['x']), 'ValuesUnexpected', 'matchExpressions[0].values'],
};

for (const [sentence, [selector, code, path]] of Object.entries(BAD)) {
  test(`refuses ${sentence}`, () => {
    assert.throws(
      () => compileLabelSelector(selector),
      (error: unknown) => error instanceof LabelSelectorError && error.code === code && error.path === path && error.message.includes('"env"'),
    );
  });
}

test('a message does not quote more than a label’s key may have', () => {
  const long = 'k'.repeat(100_000);
  assert.throws(() => compileLabelSelector(one(long, long, ['x'])), (error: unknown) => error instanceof LabelSelectorError && error.message.length < 1000);
});
