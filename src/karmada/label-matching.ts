import { compileLabelSelector, LabelSelectorError, type LabelMatcher, type LabelSelector } from '../api/label-selector.ts';
import { isRecord, listOf, recordOf, textOf } from './json.ts';

const NAME = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)$/;
const PREFIX = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const MAX_NAME = 63;
const MAX_PREFIX = 253;

/** Whether labels are chosen by a selector as written (metav1.LabelSelectorAsSelector): an invalid one chooses nothing. */
export function labelsMatch(selector: unknown, labels: Readonly<Record<string, string>>): boolean {
  const matcher = compiled(selector);
  return matcher?.(labels) ?? false;
}

/** Each is held against the grammar of labels before it is compiled. */
const STEPS_OF_TEXT = 8;

/** Steps of a `Budget` that it takes to read a selector of labels or fields, as written: some for each key and value. */
export function selectorSteps(selector: unknown): number {
  const { matchLabels, matchExpressions } = recordOf(selector);
  const labels = isRecord(matchLabels) ? Object.keys(matchLabels).length : 0;
  return STEPS_OF_TEXT * listOf(matchExpressions).reduce<number>((texts, expression) => texts + 1 + listOf(recordOf(expression)['values']).length, labels);
}

/** Compiled once for as long as the policy that it stands in is kept. */
const KNOWN = new WeakMap<object, { readonly matcher: LabelMatcher | undefined }>();

function compiled(selector: unknown): LabelMatcher | undefined {
  if (!isRecord(selector)) return undefined;
  const known = KNOWN.get(selector);
  if (known !== undefined) return known.matcher;
  const matcher = compile(selector);
  KNOWN.set(selector, { matcher });
  return matcher;
}

function compile(selector: Readonly<Record<string, unknown>>): LabelMatcher | undefined {
  const read = readSelector(selector);
  try {
    return read === undefined ? undefined : compileLabelSelector(read);
  } catch (error) {
    if (error instanceof LabelSelectorError) return undefined;
    throw error;
  }
}

function readSelector(selector: Readonly<Record<string, unknown>>): LabelSelector | undefined {
  const matchLabels = Object.entries(recordOf(selector['matchLabels']));
  const matchExpressions = listOf(selector['matchExpressions']).map((expression) => {
    const { key, operator, values } = recordOf(expression);
    return { key: textOf(key), operator: textOf(operator), values: listOf(values) };
  });
  const valid =
    matchLabels.every(([key, value]) => isLabelKey(key) && isLabelValue(value)) &&
    matchExpressions.every(({ key, values }) => isLabelKey(key) && values.every(isLabelValue));
  // Every value was looked at above.
  return valid ? ({ matchLabels: Object.fromEntries(matchLabels), matchExpressions } as LabelSelector) : undefined;
}

/** apimachinery, validation.IsQualifiedName. */
export function isLabelKey(key: string): boolean {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const prefixValid = parts.length === 0 || (parts.length === 1 && (parts[0] ?? '').length <= MAX_PREFIX && PREFIX.test(parts[0] ?? ''));
  return prefixValid && name.length <= MAX_NAME && NAME.test(name);
}

/** apimachinery, validation.IsValidLabelValue. */
export function isLabelValue(value: unknown): value is string {
  return typeof value === 'string' && (value === '' || (value.length <= MAX_NAME && NAME.test(value)));
}
