import { textMapOf, textOf, recordOf } from './json.ts';
import { labelsMatch } from './label-matching.ts';
import type { ResourceSelector, TemplateRef } from './types.ts';

/** What selectors look at in a template. */
export interface Selected extends TemplateRef {
  readonly labels: Readonly<Record<string, string>>;
}

/** How closely a selector means a template (pkg/util/selector.go, ImplicitPriority). */
export const SCORE = { none: 0, all: 1, labels: 2, name: 3 } as const;
export type Score = (typeof SCORE)[keyof typeof SCORE];

/** What selectors look at in a whole object. Labels of which one is no text count as none, as Karmada reads them. */
export function selectedOf(object: unknown): Selected {
  const { apiVersion, kind, metadata } = recordOf(object);
  const { namespace, name, labels } = recordOf(metadata);
  const allTexts = Object.values(recordOf(labels)).every((value) => typeof value === 'string');
  return { apiVersion: textOf(apiVersion), kind: textOf(kind), namespace: textOf(namespace), name: textOf(name), labels: allTexts ? textMapOf(labels) : {} };
}

/** How closely one selector means a template. A name is looked at alone; `labelSelector: {}` means everything, yet by labels. */
export function selectorScore(template: Selected, selector: ResourceSelector): Score {
  const { apiVersion, kind, namespace = '', name = '', labelSelector } = selector;
  if (template.apiVersion !== apiVersion || template.kind !== kind) return SCORE.none;
  if (namespace !== '' && template.namespace !== namespace) return SCORE.none;
  if (name !== '') return template.name === name ? SCORE.name : SCORE.none;
  if (labelSelector === undefined || labelSelector === null) return SCORE.all;
  return labelsMatch(labelSelector, template.labels) ? SCORE.labels : SCORE.none;
}

/** The closest of several selectors. */
export function highestScore(template: Selected, selectors: readonly ResourceSelector[]): Score {
  return selectors.reduce<Score>((best, selector) => {
    const score = selectorScore(template, selector);
    return score > best ? score : best;
  }, SCORE.none);
}

/** What selectors say of API version, kind and namespace alone, each once. */
export function uniqueKinds(selectors: readonly ResourceSelector[]): readonly ResourceSelector[] {
  const byKey = new Map(
    selectors.map(({ apiVersion, kind, namespace }) => [`${apiVersion}|${kind}|${namespace ?? ''}`, { apiVersion, kind, ...(namespace === undefined ? {} : { namespace }) }]),
  );
  return [...byKey.values()];
}
