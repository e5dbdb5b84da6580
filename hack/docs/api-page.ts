import { NOT_YET } from '../../src/verification/policy/not-yet.ts';
import type { Crd, Schema } from '../generate/crd.ts';

interface Row {
  readonly path: string;
  readonly schema: Schema;
  readonly required: boolean;
}

const MAX_DEPTH = 16;

/** The page about every field of both kinds; the cluster-wide kind has all that the namespaced one has. */
export function apiPage(cluster: Crd, namespaced: Crd): string {
  const own = new Set(rowsOf(namespaced.schema, '').map(({ path }) => path));
  const rows = rowsOf(cluster.schema, '').filter(({ path }) => path.startsWith('spec') || path.startsWith('status'));
  const section = (name: 'spec' | 'status'): string => table(rows.filter(({ path }) => path.startsWith(`${name}.`)), own);
  return [
    '# `assay.dev/v1alpha1`: every field',
    '',
    '`ImageVerification` (`iv`) governs the workloads of its own namespace; `ClusterImageVerification` (`civ`) governs all namespaces, or',
    'those that `namespaceSelector` selects. Their `spec` is the same otherwise. `kubectl explain iv.spec.authorities` prints the same sentences.',
    '[Concepts](../concepts.md) says how it all fits together; [install](../install.md) has a first policy.',
    '',
    'This page is generated from `crds/` by `node hack/generate-docs.ts`. A field that this build does not know or does not act on makes the',
    'policy `Ready=False` with the reason `PolicyInvalid` and the path of the field; its images are `Unknown` and nothing is pinned.',
    '',
    '## spec',
    '',
    section('spec'),
    '',
    '## What this build refuses by name',
    '',
    'The schema has these fields, this build does not act on them yet, and a policy that sets one is `Ready=False/PolicyInvalid`.',
    '',
    '| field | meanwhile |',
    '|---|---|',
    ...NOT_YET.map(({ field, advice }) => `| \`${field}\` | ${escape(advice)} |`),
    '',
    '## status',
    '',
    'Written by the operator. The reasons are explained in [reasons](reasons.md).',
    '',
    section('status'),
    '',
  ].join('\n');
}

function rowsOf(schema: Schema, path: string, depth = 0): Row[] {
  if (depth > MAX_DEPTH) throw new Error(`${path} is nested too deeply`);
  if (schema.type === 'array' && schema.items !== undefined) return rowsOf(schema.items, `${path}[]`, depth + 1);
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const child = path === '' ? name : `${path}.${name}`;
    return [{ path: child, schema: property, required: required.has(name) }, ...rowsOf(property, child, depth + 1)];
  });
}

function table(rows: readonly Row[], namespaced: ReadonlySet<string>): string {
  const lines = rows.map(({ path, schema, required }) => {
    const refused = NOT_YET.some(({ field }) => path === `spec.${field}`) ? ' *Not every value is acted on yet: see below.*' : '';
    const only = namespaced.has(path) ? '' : ' Only in `ClusterImageVerification`.';
    const name = path.replace(/^(spec|status)\./, '');
    return `| \`${name}\` | ${typeOf(schema)} | ${required ? 'required' : defaultOf(schema)} | ${escape(schema.description ?? '')}${only}${refused} |`;
  });
  return ['| field | type | default | meaning |', '|---|---|---|---|', ...lines].join('\n');
}

function typeOf(schema: Schema): string {
  if (schema.type === 'array') return `list${bounds(schema, 'minItems', 'maxItems')}`;
  if (schema.type === 'object') return schema.additionalProperties === undefined ? 'object' : `map${bounds(schema, 'minProperties', 'maxProperties')}`;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.type === 'integer') return `integer${bounds(schema, 'minimum', 'maximum')}`;
  if (schema.type === 'string') return `${schema.format === 'date-time' ? 'time' : 'string'}${bounds(schema, 'minLength', 'maxLength')}`;
  return schema.type;
}

function bounds(schema: Schema, least: string, most: string): string {
  const [low, high] = [Number(schema[least]), Number(schema[most])];
  if (Number.isNaN(high)) return Number.isNaN(low) ? '' : `, ${low} or more`;
  return Number.isNaN(low) ? `, ${high} at most` : `, ${low} to ${high}`;
}

function defaultOf({ default: value }: Schema): string {
  return value === undefined ? '' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

/** A cell of a Markdown table: neither a bar nor what looks like an HTML tag, and asterisks as they are. */
export function escape(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim().replaceAll(/[|<*_]/g, String.raw`\$&`);
}
