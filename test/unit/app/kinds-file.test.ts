import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { SHIPPED_KINDS } from '../../../src/api/further-kinds.ts';
import { imagePartsOf } from '../../../src/api/object-images.ts';
import { readWorkloadKinds } from '../../../src/app/kinds-file.ts';
import { UsageError } from '../../../src/app/options.ts';

const folder = mkdtempSync(join(tmpdir(), 'assay-kinds-'));
after(() => rmSync(folder, { recursive: true }));
let count = 0;

function fileWith(text: string): string {
  count += 1;
  const file = join(folder, `${count}.yaml`);
  writeFileSync(file, text);
  return file;
}

const ENTRY = { group: 'apps.example.com', versions: ['v1'], kind: 'Widget', plural: 'widgets', podSpecs: ['spec.template.spec'] };
const kindsOf = (...entries: readonly object[]): string => fileWith(JSON.stringify({ kinds: entries }));

describe('the kinds that are watched', () => {
  test('are the shipped ones without a file', () => assert.deepEqual(readWorkloadKinds(undefined), SHIPPED_KINDS));

  test('are those of the file, too, with the defaults of what it does not say', () => {
    const kinds = readWorkloadKinds(fileWith(`
kinds:
  - group: apps.example.com
    versions: [v1, v1beta1]
    kind: Widget
    plural: widgets
    images: [spec.image, "spec.tasks[*].image"]
`));
    assert.equal(kinds.length, SHIPPED_KINDS.length + 1);
    const widget = kinds.at(-1) ?? assert.fail('none');
    assert.deepEqual([widget.name, widget.version, widget.versions, widget.namespaced, widget.patchable], ['Widget.apps.example.com', 'v1', ['v1', 'v1beta1'], true, []]);
    const { images } = imagePartsOf(widget, { spec: { image: 'a:1', tasks: [{ image: 'b:1' }] } });
    assert.deepEqual(images.map(({ image, fixed }) => [image, fixed]), [['a:1', true], ['b:1', true]]);
  });

  test('are patched where the file says so', () => {
    assert.deepEqual(readWorkloadKinds(kindsOf({ ...ENTRY, patch: true, scope: 'Cluster' })).at(-1)?.patchable, ['containers', 'initContainers', 'volumes']);
  });

  test('have the paths of the file where it names a shipped one', () => {
    const kinds = readWorkloadKinds(kindsOf({ ...ENTRY, group: 'apps.kruise.io', kind: 'CloneSet', plural: 'clonesets', podSpecs: ['spec.other'] }));
    assert.equal(kinds.length, SHIPPED_KINDS.length);
    assert.deepEqual(kinds.filter(({ name }) => name === 'CloneSet.apps.kruise.io').map(({ images }) => images), [{ type: 'PodSpec', path: ['spec', 'other'] }]);
  });
});

const refused: Record<string, { file: () => string; says: RegExp }> = {
  'a file that is not there': { file: () => join(folder, 'none.yaml'), says: /none\.yaml cannot be used: ENOENT/ },
  'a folder': { file: () => folder, says: /EISDIR/ },
  'an empty file': { file: () => fileWith(''), says: /empty/ },
  'what is no YAML': { file: () => fileWith('kinds: [a'), says: /cannot be used/ },
  'what is no map': { file: () => fileWith('- a'), says: /the document: it is no map/ },
  'a file that is too large': { file: () => fileWith(`#${'x'.repeat(1024 * 1024)}`), says: /larger than 1048576 bytes/ },
  'another field beside kinds': { file: () => fileWith('kind: []'), says: /the document: "kind" is not known; there is kinds/ },
  'no kinds': { file: () => fileWith('kinds: []'), says: /kinds: it is a list of 1 to 64/ },
  'too many kinds': { file: () => kindsOf(...Array.from({ length: 65 }, (_, index) => ({ ...ENTRY, kind: `W${index}` }))), says: /kinds: it is a list of 1 to 64/ },
  'a kind twice': { file: () => kindsOf(ENTRY, ENTRY), says: /kinds\[1\]: Widget\.apps\.example\.com is there twice/ },
  'a kind that is no map': { file: () => fileWith('kinds: [a]'), says: /kinds\[0\]: it is no map/ },
  'a field that is not known': { file: () => kindsOf({ ...ENTRY, podSpec: [] }), says: /kinds\[0\]: "podSpec" is not known; known are group, versions/ },
  'one of Kubernetes itself': { file: () => kindsOf({ ...ENTRY, group: 'apps', kind: 'Deployment' }), says: /kinds\[0\]\.group: it is the group of a CustomResourceDefinition/ },
  'no versions': { file: () => kindsOf({ ...ENTRY, versions: [] }), says: /kinds\[0\]\.versions: it is a list of 1 to 8/ },
  'a version that is none': { file: () => kindsOf({ ...ENTRY, versions: ['1'] }), says: /kinds\[0\]\.versions\[0\]: it is a version, such as v1/ },
  'a kind in lower case': { file: () => kindsOf({ ...ENTRY, kind: 'widget' }), says: /kinds\[0\]\.kind: it is a kind/ },
  'a plural that leads elsewhere': { file: () => kindsOf({ ...ENTRY, plural: '../secrets' }), says: /kinds\[0\]\.plural/ },
  'another scope': { file: () => kindsOf({ ...ENTRY, scope: 'Global' }), says: /kinds\[0\]\.scope: it is Namespaced or Cluster/ },
  'a patch that is no choice': { file: () => kindsOf({ ...ENTRY, patch: 'yes' }), says: /kinds\[0\]\.patch: it is true or false/ },
  'no paths': { file: () => kindsOf({ ...ENTRY, podSpecs: [] }), says: /kinds\[0\]: it needs podSpecs or images/ },
  'a path that is none': { file: () => kindsOf({ ...ENTRY, podSpecs: ['$.spec'] }), says: /kinds\[0\]: "\$\.spec" is no path; write field names/ },
  'a path that is no text': { file: () => kindsOf({ ...ENTRY, podSpecs: [5] }), says: /kinds\[0\]\.podSpecs\[0\]: it is a path/ },
};
describe('refused in one sentence that names the option, the file and the field is', () => {
  for (const [what, { file, says }] of Object.entries(refused)) {
    test(what, () => {
      assert.throws(() => readWorkloadKinds(file()), (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, /^--workload-kinds: \//);
        assert.match(error.message, says);
        assert.ok(!error.message.includes('\n'), error.message);
        return true;
      });
    });
  }
});
