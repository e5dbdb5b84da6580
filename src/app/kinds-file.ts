import { readFileSync, statSync } from 'node:fs';
import { FURTHER_KINDS } from '../api/further-kinds.ts';
import { type KindEntry, type WorkloadKind, workloadKind, WORKLOAD_KINDS } from '../api/workload-kinds.ts';
import { messageOf } from '../base/errors.ts';
import { parseYaml } from '../kube/yaml.ts';
import { UsageError } from './options.ts';

const MAX_BYTES = 1024 * 1024;
const MAX_KINDS = 64;
const MAX_PATHS = 64;
const MAX_VERSIONS = 8;
const GROUP = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$/;
const KIND = /^[A-Z][A-Za-z0-9]{0,62}$/;
const PLURAL = /^[a-z][a-z0-9-]{0,62}$/;
const VERSION = /^v[1-9][0-9]*((alpha|beta)[1-9][0-9]*)?$/;
const FIELDS: ReadonlySet<string> = new Set(['group', 'versions', 'kind', 'plural', 'scope', 'podSpecs', 'images', 'patch']);

/** Thrown with the field and what is wrong with it. */
class BadField extends Error {}

/**
 * All kinds of workloads to be watched: the shipped ones, and those of the file that `--workload-kinds` names. One of the file that is
 * shipped too takes its place. Throws {@link UsageError} for a file that cannot be used.
 */
export function readWorkloadKinds(file: string | undefined): readonly WorkloadKind[] {
  const own = file === undefined ? [] : readFile(file);
  const replaced = new Set(own.map(({ name }) => name));
  return [...WORKLOAD_KINDS, ...FURTHER_KINDS.filter(({ name }) => !replaced.has(name)), ...own];
}

function readFile(file: string): readonly WorkloadKind[] {
  try {
    if (statSync(file).size > MAX_BYTES) throw new BadField(`it is larger than ${MAX_BYTES} bytes`);
    return parseKinds(parseYaml(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new UsageError(`--workload-kinds: ${file} cannot be used: ${messageOf(error)}`, { cause: error });
  }
}

/** The kinds of a document `{kinds: […]}`. Throws an error that names the field. */
export function parseKinds(document: unknown): readonly WorkloadKind[] {
  const { kinds, ...rest } = recordOf(document, 'the document');
  refuseUnknown(rest, new Set(), 'the document');
  const kindsFound = listOf(kinds, 'kinds', MAX_KINDS).map((entry, index) => parseKind(entry, `kinds[${index}]`));
  const names = kindsFound.map(({ name }) => name);
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice !== -1) throw new BadField(`kinds[${twice}]: ${names[twice]} is there twice`);
  return kindsFound;
}

function parseKind(value: unknown, field: string): WorkloadKind {
  const entry = recordOf(value, field);
  refuseUnknown(entry, FIELDS, field);
  const { scope = 'Namespaced', patch = false, podSpecs = [], images = [] } = entry;
  if (scope !== 'Namespaced' && scope !== 'Cluster') throw new BadField(`${field}.scope: it is Namespaced or Cluster`);
  if (typeof patch !== 'boolean') throw new BadField(`${field}.patch: it is true or false`);
  const parsed: KindEntry = {
    group: textOf(entry['group'], `${field}.group`, GROUP, 'the group of a CustomResourceDefinition, such as apps.example.com'),
    versions: listOf(entry['versions'], `${field}.versions`, MAX_VERSIONS).map((one, index) => textOf(one, `${field}.versions[${index}]`, VERSION, 'a version, such as v1')),
    kind: textOf(entry['kind'], `${field}.kind`, KIND, 'a kind as in a manifest, such as Widget'),
    plural: textOf(entry['plural'], `${field}.plural`, PLURAL, 'the plural of the kind, such as widgets'),
    scope,
    podSpecs: pathsOf(podSpecs, `${field}.podSpecs`),
    images: pathsOf(images, `${field}.images`),
    patch,
  };
  if (parsed.podSpecs?.length === 0 && parsed.images?.length === 0) throw new BadField(`${field}: it needs podSpecs or images, the paths where such an object has its images`);
  try {
    return workloadKind(parsed);
  } catch (error) {
    throw new BadField(`${field}: ${messageOf(error)}`, { cause: error });
  }
}

function pathsOf(value: unknown, field: string): readonly string[] {
  if (Array.isArray(value) && value.length === 0) return [];
  return listOf(value, field, MAX_PATHS).map((one, index) => textOf(one, `${field}[${index}]`, /./, 'a path, such as spec.template.spec'));
}

function refuseUnknown(record: Readonly<Record<string, unknown>>, known: ReadonlySet<string>, field: string): void {
  const unknown = Object.keys(record).find((name) => !known.has(name));
  if (unknown === undefined) return;
  throw new BadField(`${field}: ${JSON.stringify(unknown.slice(0, 64))} is not known; ${known.size === 0 ? 'there is kinds, a list' : `known are ${[...known].join(', ')}`}`);
}

function recordOf(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new BadField(`${field}: it is no map`);
}

function listOf(value: unknown, field: string, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length > 0 && value.length <= most) return value;
  throw new BadField(`${field}: it is a list of 1 to ${most}`);
}

function textOf(value: unknown, field: string, pattern: RegExp, what: string): string {
  if (typeof value === 'string' && value.length <= 253 && pattern.test(value)) return value;
  throw new BadField(`${field}: it is ${what}`);
}
