import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { describeModule } from '../../hack/controlplane/go-module.ts';
import { KARMADA } from '../../hack/controlplane/karmada/manifests.ts';
import { KARMADA_MODULE } from '../../hack/controlplane/karmada/programs.ts';
import { SHIPPED_KINDS, UNCOVERABLE_KINDS } from '../../src/api/further-kinds.ts';
import { groupOf, manifestImages } from '../../src/api/object-images.ts';

interface Sample {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: Readonly<Record<string, unknown>>;
}

const FOLDER = join('pkg', 'resourceinterpreter', 'default', 'thirdparty', 'resourcecustomizations');
/** Objects that Karmada's own tests write in another form than the kind has (an UnitedDeployment has a template for each kind of subset, and no pod template of its own). */
const ANOTHER_FORM: ReadonlySet<string> = new Set(['UnitedDeployment.apps.kruise.io']);

/** Karmada's interpreters of kinds that are not Kubernetes' own have tests with objects: read in place, out of its module. */
describe('kinds that Karmada interprets: the images of the objects in its own tests', () => {
  const samples: Sample[] = [];
  const problems: string[] = [];

  before(async () => {
    try {
      const { Dir } = await describeModule(KARMADA, { go: 'go', module: KARMADA_MODULE, env: process.env });
      samples.push(...samplesIn(join(Dir, FOLDER)));
    } catch (error) {
      problems.push(`Karmada's module cannot be read here: ${(error as Error).message.slice(0, 200)}`);
    }
  });

  test('every field of a specification that names an image is found, by its path', (context) => {
    if (problems[0] !== undefined) return context.skip(problems[0]);
    const imagesOf = manifestImages(SHIPPED_KINDS);
    const known = samples.filter(({ apiVersion, kind, object }) => imagesOf(apiVersion, kind, object) !== undefined && !ANOTHER_FORM.has(nameOf(apiVersion, kind)));
    const missed = known.flatMap(({ file, apiVersion, kind, object }) => {
      const found = new Set((imagesOf(apiVersion, kind, object) ?? []).map(({ pointer, image }) => `${pointer} ${image}`));
      return imageFields(object['spec'], '/spec').filter((field) => !found.has(field)).map((field) => `${file}: ${field}`);
    });
    assert.deepEqual(missed, []);
    const kinds = new Set(known.filter(({ object }) => imageFields(object['spec'], '/spec').length > 0).map(({ apiVersion, kind }) => nameOf(apiVersion, kind)));
    assert.ok(kinds.size >= 15, `objects with images of ${[...kinds].join(', ')} alone`);
  });

  test('a kind that it interprets and that has images is in the table, or known as one that hides them', (context) => {
    if (problems[0] !== undefined) return context.skip(problems[0]);
    const listed = new Set([...SHIPPED_KINDS, ...UNCOVERABLE_KINDS].map(({ group, kind }) => nameOf(`${group}/v1`, kind)));
    const withImages = samples.filter(({ object }) => imageFields(object['spec'], '/spec').length > 0).map(({ apiVersion, kind }) => nameOf(apiVersion, kind));
    // A policy of Kyverno's names images to match, and runs none.
    const missing = new Set(withImages.filter((name) => !listed.has(name) && !name.endsWith('.kyverno.io')));
    assert.deepEqual([...missing], []);
  });
});

function nameOf(apiVersion: string, kind: string): string {
  const group = groupOf(apiVersion);
  return group === '' ? kind : `${kind}.${group}`;
}

function samplesIn(folder: string): Sample[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.name.endsWith('.yaml') && entry.parentPath.endsWith('testdata'));
  return files.flatMap(({ parentPath, name }) =>
    parseAllDocuments(readFileSync(join(parentPath, name), 'utf8')).flatMap((document) => objectsIn(document.toJSON()).map((object) => sampleOf(`${parentPath.slice(folder.length + 1)}/${name}`, object))));
}

function sampleOf(file: string, object: Readonly<Record<string, unknown>>): Sample {
  return { file, object, apiVersion: String(object['apiVersion']), kind: String(object['kind']) };
}

/** The API objects in a document, which has them beside what is expected of them. */
function objectsIn(value: unknown): Readonly<Record<string, unknown>>[] {
  if (typeof value !== 'object' || value === null) return [];
  const record = value as Readonly<Record<string, unknown>>;
  const isObject = typeof record['apiVersion'] === 'string' && typeof record['kind'] === 'string' && record['spec'] !== undefined;
  return isObject ? [record] : Object.values(record).flatMap(objectsIn);
}

/** `pointer image` of every field that is called `image`. */
function imageFields(value: unknown, pointer: string): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) => {
    const at = `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return name === 'image' && typeof part === 'string' && part !== '' ? [`${at} ${part}`] : imageFields(part, at);
  });
}
