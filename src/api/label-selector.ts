import { CodedError } from '../base/errors.ts';

/** A label selector as the API has it (metav1.LabelSelector). */
export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values?: readonly string[];
  }[];
}

/** Thrown by {@link compileLabelSelector}; the message names the expression, `path` the field inside of the selector. */
export class LabelSelectorError extends CodedError<'OperatorUnknown' | 'ValuesMissing' | 'ValuesUnexpected'> {
  readonly path: string;

  constructor(code: 'OperatorUnknown' | 'ValuesMissing' | 'ValuesUnexpected', path: string, message: string) {
    super(code, message);
    this.path = path;
  }
}

/** Whether an object with these labels is selected. */
export type LabelMatcher = (labels: Readonly<Record<string, string>>) => boolean;

/**
 * Reads a label selector; all of its requirements must hold. A selector without any selects everything, as in Kubernetes:
 * callers that do not mean this refuse it first.
 * @throws LabelSelectorError
 */
export function compileLabelSelector(selector: LabelSelector): LabelMatcher {
  const requirements = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => isIn(key, [value])),
    ...(selector.matchExpressions ?? []).map((expression, index) => compileExpression(expression, `matchExpressions[${index}]`)),
  ];
  return (labels) => requirements.every((holds) => holds(labels));
}

function compileExpression(expression: NonNullable<LabelSelector['matchExpressions']>[number], path: string): LabelMatcher {
  const { key, operator, values = [] } = expression;
  switch (operator) {
    case 'In':
      return isIn(key, needValues(expression, path));
    case 'NotIn': {
      // An object without the label is selected too (apimachinery, labels.Requirement.Matches).
      const isOneOf = isIn(key, needValues(expression, path));
      return (labels) => !isOneOf(labels);
    }
    case 'Exists':
    case 'DoesNotExist': {
      if (values.length > 0) {
        throw new LabelSelectorError('ValuesUnexpected', `${path}.values`, `operator ${operator} on label ${shown(key)} takes no values`);
      }
      const wanted = operator === 'Exists';
      return (labels) => Object.hasOwn(labels, key) === wanted;
    }
    default:
      throw new LabelSelectorError(
        'OperatorUnknown',
        `${path}.operator`,
        `operator ${shown(operator)} on label ${shown(key)} is not known: use In, NotIn, Exists or DoesNotExist`,
      );
  }
}

function needValues({ key, operator, values = [] }: NonNullable<LabelSelector['matchExpressions']>[number], path: string): readonly string[] {
  if (values.length > 0) return values;
  throw new LabelSelectorError('ValuesMissing', `${path}.values`, `operator ${operator} on label ${shown(key)} needs at least one value`);
}

/** As much as a label's key may have (DNS prefix, slash and name). */
function shown(text: string): string {
  return `"${text.length <= 320 ? text : `${text.slice(0, 319)}…`}"`;
}

function isIn(key: string, values: readonly string[]): LabelMatcher {
  return (labels) => {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    return value !== undefined && values.includes(value);
  };
}
