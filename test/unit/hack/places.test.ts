import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Binary, cacheRoot, executable, fingerprint, locate, onPath, places } from '../../../hack/controlplane/places.ts';

const directory = mkdtempSync(join(tmpdir(), 'places-'));
after(() => rmSync(directory, { recursive: true }));

interface Case {
  readonly env?: NodeJS.ProcessEnv;
  readonly files: readonly string[];
  readonly found: Readonly<Record<string, string>>;
  readonly missing: readonly Binary[];
}

const CASES: Readonly<Record<string, Case>> = {
  'ASSAY_CONTROLPLANE_DIR comes before everything': {
    env: { ASSAY_CONTROLPLANE_DIR: '/mine', KUBEBUILDER_ASSETS: '/kb' },
    files: ['/mine/etcd', '/mine/registry', '/kb/etcd', '/kb/registry', '/cache/etcd', '/cache/registry'],
    found: { etcd: '/mine/etcd', registry: '/mine/registry' },
    missing: [],
  },
  'KUBEBUILDER_ASSETS comes before the cache': {
    env: { KUBEBUILDER_ASSETS: '/kb' },
    files: ['/kb/etcd', '/cache/etcd', '/cache/registry'],
    found: { etcd: '/kb/etcd', registry: '/cache/registry' },
    missing: [],
  },
  'the cache is used when nothing is set': { files: ['/cache/etcd', '/cache/registry'], found: { etcd: '/cache/etcd', registry: '/cache/registry' }, missing: [] },
  'what a given directory lacks is built, and only that': {
    env: { KUBEBUILDER_ASSETS: '/kb' },
    files: ['/kb/etcd'],
    found: { etcd: '/kb/etcd' },
    missing: ['registry'],
  },
  'a variable that is set to nothing counts as not set': { env: { ASSAY_CONTROLPLANE_DIR: '' }, files: ['/etcd', '/cache/etcd'], found: { etcd: '/cache/etcd' }, missing: ['registry'] },
  'with nothing anywhere all is built': { files: [], found: {}, missing: ['etcd', 'registry'] },
};

describe('where binaries come from', () => {
  for (const [sentence, { env = {}, files, found, missing }] of Object.entries(CASES)) {
    it(sentence, () => {
      const located = locate(['etcd', 'registry'], places(env, '/cache'), (path) => files.includes(path));
      assert.deepEqual(Object.fromEntries(located.found), found);
      assert.deepEqual(located.missing, missing);
    });
  }

  it('the cache is where the XDG base directory specification puts it', () => {
    assert.equal(cacheRoot({ XDG_CACHE_HOME: '/x', HOME: '/home/ada' }), '/x/assay');
    assert.equal(cacheRoot({ HOME: '/home/ada' }), '/home/ada/.cache/assay');
    assert.equal(cacheRoot({ XDG_CACHE_HOME: 'relative', HOME: '/home/ada' }), '/home/ada/.cache/assay');
  });

  it('another version of a module, or of our own Go file, is another place in the cache', () => {
    const module = join(directory, 'module');
    mkdirSync(join(module, 'registry'), { recursive: true });
    const seen = new Set<string>();
    for (const [mod, sum, main] of [['a', 'b', 'c'], ['A', 'b', 'c'], ['a', 'B', 'c'], ['a', 'b', 'C'], ['ab', '', 'c']] as const) {
      writeFileSync(join(module, 'go.mod'), mod);
      writeFileSync(join(module, 'go.sum'), sum);
      writeFileSync(join(module, 'registry', 'main.go'), main);
      assert.equal(fingerprint(module), fingerprint(module));
      seen.add(fingerprint(module));
    }
    rmSync(join(module, 'registry'), { recursive: true });
    seen.add(fingerprint(module));
    assert.equal(seen.size, 6, 'a module without Go code of ours has its place too');
  });

  it('only a file that can be run is a program', () => {
    const file = join(directory, 'program');
    assert.equal(executable(file), false);
    writeFileSync(file, '', { mode: 0o644 });
    assert.equal(executable(file), false);
    chmodSync(file, 0o755);
    assert.equal(executable(file), true);
    assert.equal(executable(directory), false);
    assert.equal(onPath('program', { PATH: `/nowhere:${directory}` }), file);
    assert.equal(onPath('other', { PATH: `/nowhere::${directory}` }), undefined);
  });
});

describe('a machine that cannot have the control plane', () => {
  const RUN = join(import.meta.dirname, '..', '..', '..', 'hack', 'controlplane', 'run.ts');
  const run = (env: NodeJS.ProcessEnv) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, [RUN, '--build'], { env, timeout: 30_000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }));
    });

  it('is told in one sentence what to install or set, with exit code 1, when there is no Go and nothing in the cache', async () => {
    const { code, stdout, stderr } = await run({ PATH: directory, HOME: directory });
    assert.equal(code, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^There is no etcd, kube-apiserver, kube-controller-manager, kubectl, registry and no Go .*install Go .*set ASSAY_CONTROLPLANE_DIR [^\n]*\.\n$/);
  });

  it('is told that the directory that it named is not there', async () => {
    const { code, stderr } = await run({ PATH: directory, HOME: directory, ASSAY_CONTROLPLANE_DIR: '/no/such' });
    assert.equal(code, 1);
    assert.match(stderr, /^ASSAY_CONTROLPLANE_DIR is \/no\/such, which does not exist: [^\n]*\.\n$/);
  });
});
