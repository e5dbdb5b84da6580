import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { binaries, GO_MODULE } from '../../../hack/controlplane/binaries.ts';
import { fingerprint, ProgramsUnavailable } from '../../../hack/controlplane/places.ts';
import type { Progress } from '../../../hack/controlplane/progress.ts';
import { untilHolds } from '../../support/until-holds.ts';

const directory = mkdtempSync(join(tmpdir(), 'build-'));
after(() => rmSync(directory, { recursive: true }));

const cache = join(directory, 'cache', 'assay', 'controlplane', fingerprint(GO_MODULE));
const env = { PATH: `${directory}:/usr/bin:/bin`, XDG_CACHE_HOME: join(directory, 'cache'), HOME: directory };
const RUN = join(GO_MODULE, 'run.ts');

/** A `go` that can be stopped at a known moment: the real one is too quick with a warm cache, and too slow with a cold one. */
function install(build: string): void {
  const info = join(directory, 'info.json');
  writeFileSync(info, JSON.stringify({ Time: '2026-01-02T03:04:05Z' }));
  const answer = JSON.stringify({ Version: 'v1.35.3', Info: info, Origin: { Hash: 'c0ffee' } });
  writeFileSync(
    join(directory, 'go'),
    `#!/bin/sh
if [ "$1" = mod ]; then echo '${answer}'; exit; fi
echo "$@" >> ${directory}/calls
while [ "$1" != -o ]; do shift; done
${build}
`,
    { mode: 0o755 },
  );
}

function recorder(): { readonly progress: Progress; readonly lines: string[] } {
  const lines: string[] = [];
  const progress: Progress = { step: (what, detail = '') => lines.push(`${what}: ${detail}`), say: (line) => lines.push(line), clear: () => undefined };
  return { progress, lines };
}

const WHOLE = 'printf whole > "$2"; chmod +x "$2"; echo "go: downloading some/module v1.0.0" >&2; echo k8s.io/some/package >&2';

beforeEach(() => {
  rmSync(join(directory, 'cache'), { recursive: true, force: true });
  for (const name of ['calls', 'pids']) rmSync(join(directory, name), { force: true });
});

describe('building binaries', () => {
  it('puts whole files into the cache, stamped with the version, and does it once', async () => {
    install(WHOLE);
    const { progress, lines } = recorder();
    const built = await binaries(['etcd', 'kubectl'], { env, progress });
    assert.deepEqual(built, { etcd: join(cache, 'etcd'), kubectl: join(cache, 'kubectl') });
    assert.deepEqual(readdirSync(cache).toSorted(), ['etcd', 'kubectl']);
    const calls = readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
    assert.equal(calls.length, 2);
    for (const stamp of ['gitVersion=v1.35.3', 'gitMajor=1', 'gitMinor=35', 'gitCommit=c0ffee', 'buildDate=2026-01-02T03:04:05Z']) {
      assert.ok(calls[1]?.includes(`-X k8s.io/component-base/version.${stamp}`), stamp);
    }
    assert.match(calls[1] ?? '', /-trimpath .* k8s\.io\/kubernetes\/cmd\/kubectl$/);
    assert.match(lines.join('\n'), /Building etcd, kubectl .*about 41 s[^]*building etcd \(1 of 2\): 0 s, usually up to 21 s[^]*Built kubectl in/);
    await binaries(['etcd', 'kubectl'], { env, progress });
    assert.equal(readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n').length, 2);
  });

  it('says how long it took last time', async () => {
    install(WHOLE);
    await binaries(['etcd'], { env, progress: recorder().progress });
    writeFileSync(join(cache, '..', 'durations.json'), JSON.stringify({ etcd: 75 }));
    rmSync(join(cache, 'etcd'));
    const { progress, lines } = recorder();
    await binaries(['etcd'], { env, progress });
    assert.match(lines.join('\n'), /about 1 min 15 s[^]*building etcd \(1 of 1\): 0 s, took 1 min 15 s last time/);
    assert.deepEqual(JSON.parse(readFileSync(join(cache, '..', 'durations.json'), 'utf8')), { etcd: 0 });
  });

  it('shows Go\'s own words when a build fails, and leaves no file', async () => {
    install('printf half > "$2"; echo "main.go:7: undefined: nonsense" >&2; exit 1');
    await assert.rejects(binaries(['etcd'], { env, progress: recorder().progress }), /go build of etcd failed \(1\):\nmain\.go:7: undefined: nonsense/);
    assert.deepEqual(readdirSync(cache), []);
  });

  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    it(`leaves nothing that looks like a binary when ${signal} comes in the middle, and the next build starts afresh`, async () => {
      install(`printf half > "$2"; sleep 30 & echo $$ $! > ${directory}/pids; wait`);
      const child = spawn(process.execPath, [RUN, '--build'], { env, stdio: 'ignore' });
      const ended = new Promise((resolve) => {
        child.once('close', (_, name) => resolve(name));
      });
      await untilHolds('half a file', () => assert.equal(readdirSync(cache).length, 1));
      const pids = await untilHolds('the pids', () => /^(\d+) (\d+)\n$/.exec(readFileSync(join(directory, 'pids'), 'utf8'))?.slice(1).map(Number) ?? assert.fail('not yet'));
      child.kill(signal);
      assert.equal(await ended, signal);
      assert.equal(existsSync(join(cache, 'etcd')), false);
      await untilHolds('Go and its compiler to end', () => pids.forEach((pid) => assert.throws(() => process.kill(pid, 0))), 5);
      if (signal === 'SIGINT') assert.deepEqual(readdirSync(cache), []);
      install(WHOLE);
      await binaries(['etcd'], { env, progress: recorder().progress });
      assert.deepEqual(readdirSync(cache), ['etcd']);
      assert.equal(readFileSync(join(cache, 'etcd'), 'utf8'), 'whole');
    });
  }

  it('removes builds of other versions that nobody has used for a month', async () => {
    install(WHOLE);
    const [old, recent] = [join(cache, '..', 'old'), join(cache, '..', 'recent')];
    for (const one of [old, recent]) mkdirSync(one, { recursive: true });
    const { utimesSync } = await import('node:fs');
    utimesSync(old, 1, 1);
    await binaries(['etcd'], { env, progress: recorder().progress });
    assert.deepEqual([existsSync(old), existsSync(recent)], [false, true]);
  });

  it('does not look for Go when everything is there', async () => {
    mkdirSync(cache, { recursive: true });
    writeFileSync(join(cache, 'etcd'), '', { mode: 0o755 });
    assert.deepEqual(await binaries(['etcd'], { env: { ...env, PATH: '' } }), { etcd: join(cache, 'etcd') });
    await assert.rejects(binaries(['kubectl'], { env: { ...env, PATH: '' } }), ProgramsUnavailable);
  });
});
