import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { binaries } from '../../hack/controlplane/binaries.ts';
import { CAST, LATECOMER } from '../../hack/demo/cast.ts';
import { leftovers } from '../../hack/testrunner/leftovers.ts';
import { skipWithoutCorpus } from '../support/corpus.ts';
import { type DemoRun, demoScratch, nothingIsLeft, seen, startDemo } from '../support/demo-run.ts';

const root = resolve(import.meta.dirname, '../..');
const scratch = demoScratch();

/** The lines about one Deployment, its further containers included. */
function linesOf(output: string, name: string): string {
  const lines = output.split('\n');
  const first = lines.findIndex((line) => new RegExp(`^[✔✖]  ${name} `).test(line));
  assert.notEqual(first, -1, `no line of ${name} in:\n${output}`);
  const next = lines.findIndex((line, index) => index > first && !/^ {4}/.test(line));
  return lines.slice(first, next).join('\n');
}

describe('the demo', () => {
  let whole: Promise<DemoRun> | undefined;
  /** One run to the end, for all tests that only look at its output. */
  const toTheEnd = async (): Promise<DemoRun> => {
    whole ??= startDemo(scratch, []);
    const run = await whole;
    await run.demo.exited;
    return run;
  };

  test('shows every expected outcome, ends with 0 and leaves nothing', async () => {
    const run = await toTheEnd();
    assert.deepEqual(await run.demo.exited, { code: 0, signal: null }, run.output());
    const output = run.output();
    for (const { namespace, name, containers, expected } of [...CAST, LATECOMER]) {
      const lines = linesOf(output, `${namespace}/${name}`);
      const pinned = [...lines.matchAll(/ (\S+)@sha256:[0-9a-f]{8}… +SignatureValid/g)].map(([, repository]) => repository);
      assert.equal(pinned.length, expected === 'pinned' ? containers.length : 0, lines);
      // One ReplicaSet for the tag, and, where it was pinned, one for the digest.
      assert.match(lines, expected === 'pinned' ? /^.* [12]$/m : /^.* 1$/m);
      if (expected !== 'pinned') assert.match(lines, new RegExp(`as it was +${expected}( +1)?$`, 'm'));
    }
    assert.doesNotMatch(output, /✖/);
    assert.match(linesOf(output, 'shop/checkout'), /migrate \(init\)/);
    assert.match(output, /^shop +imageverification\.assay\.dev\/internal +True +5\/7 +False +Enforce/m);
    assert.match(output, /^billing +imageverification\.assay\.dev\/release-key +True +1\/1 +True/m);
    assert.match(output, /^Warning IdentityMismatch Deployment shop\/coupons\n {4}\S/m);
    assert.match(output, /^Normal Pinned Deployment shop\/web$/m);
    assert.match(output, /^Normal TagMoved Deployment shop\/search$/m);
    assert.match(output, /^assay_pins_total\{mode="Patch",result="pinned"\} 4$/m);
    assert.match(output, /^Everything came out as it must, in [\d.]+ s\.$/m);
    assert.ok(!output.includes('\u001B'), 'no colours where there is no terminal');
    await nothingIsLeft(run);
  });

  test('verifies genuine public images with the built-in trust root', { skip: skipWithoutCorpus('corpus/signatures') }, async () => {
    const output = (await toTheEnd()).output();
    assert.match(output, /^ +clusterimageverification\.assay\.dev\/public-good +True +2\/2 +True/m);
    assert.equal([...output.matchAll(/^✔ {2}\S+@sha256:\S+ +SignatureValid +https:\/\/github\.com\//gm)].length, 2);
  });

  test('stays with --keep as it says, and ends all of it on Ctrl-C', async () => {
    const run = await startDemo(scratch, ['--keep']);
    await seen(run, /^Ctrl-C here/m);
    const [, kubeconfig = ''] = /export KUBECONFIG=(\S+)/.exec(run.output()) ?? [];
    const [, kubectl = ''] = /alias kubectl=(\S+)/.exec(run.output()) ?? [];
    const [, metrics = ''] = /curl -s (\S+)/.exec(run.output()) ?? [];
    assert.ok(existsSync(kubeconfig) && existsSync(kubectl));
    assert.match(await (await fetch(metrics)).text(), /^assay_workloads\{state="pinned"\} \d/m);
    const commands = [...run.output().matchAll(/^ {2}assay (verify .*)$/gm)].map(([, args = '']) => args.split(' '));
    const codes = commands.map((args) => spawnSync(process.execPath, ['dist/cli.js', ...args], { cwd: root, timeout: 30_000 }).status);
    assert.deepEqual(codes.map((code) => code === 0), [true, true, false]);
    assert.ok(run.demo.running);
    const { signal } = await run.demo.stop('SIGINT');
    assert.equal(signal, 'SIGINT');
    await assert.rejects(fetch(metrics));
    await nothingIsLeft(run);
  });

  for (const [sentence, line] of Object.entries({
    'leaves nothing when it is interrupted while the control plane starts': /^✔ assay/m,
    'leaves nothing when it is interrupted with the operator at work': /^✔ operator/m,
  })) {
    test(sentence, async () => {
      const run = await startDemo(scratch, []);
      await seen(run, line);
      const { signal } = await run.demo.stop('SIGINT');
      assert.equal(signal, 'SIGINT');
      assert.doesNotMatch(run.output(), /Everything came out/);
      await nothingIsLeft(run);
    });
  }

  test('says in one sentence what to do where there are neither programs nor Go', async () => {
    const empty = join(scratch, 'empty');
    mkdirSync(empty);
    const run = await startDemo(scratch, [], { PATH: empty, XDG_CACHE_HOME: empty, ASSAY_CONTROLPLANE_DIR: '', KUBEBUILDER_ASSETS: '' });
    assert.deepEqual(await run.demo.exited, { code: 1, signal: null });
    assert.match(run.output(), /^There is no etcd, .* install Go .*\n$/);
    await nothingIsLeft(run);
  });

  test('names the step that fails and the folder with the logs', async () => {
    const broken = join(scratch, 'broken');
    mkdirSync(broken);
    for (const [name, path] of Object.entries(await binaries())) symlinkSync(path, join(broken, name));
    rmSync(join(broken, 'etcd'));
    writeFileSync(join(broken, 'etcd'), '#!/bin/sh\necho no disk today\nexit 3\n');
    chmodSync(join(broken, 'etcd'), 0o755);
    const run = await startDemo(scratch, [], { ASSAY_CONTROLPLANE_DIR: broken });
    assert.deepEqual(await run.demo.exited, { code: 1, signal: null });
    assert.match(run.output(), /^The demo failed at "control plane": etcd ended before it was ready[^]*no disk today$/m);
    const [, logs = ''] = /^The logs are in (\S+)\.$/m.exec(run.output()) ?? [];
    assert.ok(existsSync(logs));
    assert.deepEqual(await leftovers('the demo has no mark', run.demo.pid), []);
  });
});
