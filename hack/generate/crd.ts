import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The part of an OpenAPI v3 schema that our CRDs use. */
export interface Schema {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly default?: unknown;
  readonly [bound: string]: unknown;
}

/** One of our CRDs, as far as types are made from it. */
export interface Crd {
  readonly kind: string;
  readonly scope: string;
  readonly schema: Schema;
}

/** The files of `crds/` that describe the API, the cluster-wide kind first. */
export const CRD_FILES = ['clusterimageverifications.yaml', 'imageverifications.yaml'] as const;

/** Reads one CRD; it must have exactly one version. */
export function readCrd(root: string, file: (typeof CRD_FILES)[number]): Crd {
  const crd = parse(readFileSync(join(root, 'crds', file), 'utf8')) as {
    spec: { scope: string; names: { kind: string }; versions: { schema: { openAPIV3Schema: Schema } }[] };
  };
  const [version, ...others] = crd.spec.versions;
  if (version === undefined || others.length > 0) throw new Error(`${file} must have exactly one version`);
  return { kind: crd.spec.names.kind, scope: crd.spec.scope, schema: version.schema.openAPIV3Schema };
}
