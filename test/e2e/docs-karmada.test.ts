import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Karmada, startKarmada } from '../../hack/controlplane/karmada/start.ts';
import { type Cluster, clusterAt } from '../support/cluster.ts';
import { apply, deployment, run } from '../support/installation.ts';
import { CLI } from '../support/operator.ts';
import { type Block, blocksOf, page } from '../support/page.ts';
import { startRegistry } from '../support/registry.ts';
import { pushIndex } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';

const root = resolve(import.meta.dirname, '../..');
const BLOCKS = blocksOf(page('docs/karmada.md'));
const IMAGE = 'karmada/karmada-aggregated-apiserver:v1.18.2';
const RELEASED = 'https://github.com/karmada-io/karmada/.github/workflows/dockerhub-released-image.yml@refs/tags/v1.18.2';
const LATEST = 'https://github.com/karmada-io/karmada/.github/workflows/dockerhub-latest-image.yml@refs/heads/master';

let karmada: Karmada;
let fleet: Cluster;
/** Its only member plays the cluster that Karmada runs in. */
let host: Cluster;
let scratch: string;
/** What a person has who follows the page: its words on the left, what they are here on the right. */
let words: readonly (readonly [string, string])[];

before(async () => {
  karmada = await startKarmada({ members: 1 });
  fleet = clusterAt(karmada.plane.connection);
  const [member] = karmada.members;
  assert.ok(member);
  host = clusterAt(member.plane.connection);
  scratch = mkdtempSync(join(tmpdir(), 'docs-karmada-'));
  for (const folder of ['config', 'crds']) cpSync(join(root, folder), join(scratch, folder), { recursive: true });
  shims(karmada.plane.kubectlProgram);
  await karmadaIn(host);
  await released();
});
after(async () => {
  await karmada?.stop();
  if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
});

/** `kubectl` and `assay` for a shell. */
function shims(kubectlProgram: string): void {
  mkdirSync(join(scratch, 'bin'));
  symlinkSync(kubectlProgram, join(scratch, 'bin/kubectl'));
  writeFileSync(join(scratch, 'bin/assay'), `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`);
  chmodSync(join(scratch, 'bin/assay'), 0o755);
}

/** What the page takes for granted in the host cluster. */
async function karmadaIn(cluster: Cluster): Promise<void> {
  const object = deployment('karmada-system', 'karmada-controller-manager', ['docker.io/karmada/karmada-controller-manager:v1.18.2']);
  object.spec.template.spec.containers[0].command = ['karmada-controller-manager', '--skipped-propagating-apis=assay.dev'];
  await apply(cluster, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'karmada-system' } }, object);
}

/** An image that the workflow of Karmada's releases signed, and one of another workflow. */
async function released(): Promise<void> {
  const registry = await startRegistry();
  const world = createWorld({ name: 'sigstore.docs.example' });
  for (const [name, subject] of [[IMAGE, RELEASED], ['karmada/karmada-aggregated-apiserver:latest', LATEST]] as const) {
    const signer = world.keyless({ issuer: 'https://token.actions.githubusercontent.com', subject });
    await world.signImage(await pushIndex(registry.host, name), signer, { format: 'legacy' });
  }
  writeFileSync(join(scratch, 'trusted_root.json'), world.trustedRootJson);
  words = [
    ['karmada-apiserver.config', fleet.adminKubeconfig],
    ['host.config', host.adminKubeconfig],
    [' docker.io/karmada/', ` --trusted-root=trusted_root.json ${registry.host}/karmada/`],
  ];
}

/** Runs commands in a shell that ends at the first that fails. */
function typed(text: string): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const script = words.reduce((all, [theirs, ours]) => all.replaceAll(theirs, ours), text);
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-euc', script], {
    cwd: scratch,
    encoding: 'utf8',
    timeout: 90_000,
    env: { PATH: `${join(scratch, 'bin')}:${process.env['PATH'] ?? ''}`, HOME: scratch, KUBECONFIG: fleet.adminKubeconfig, KUBECACHEDIR: join(scratch, 'cache') },
  });
  return { code: status, stdout, stderr };
}

const commands = (section: string): Block[] => BLOCKS.filter((block) => block.type === 'commands' && block.section === section);
const objects = (section: string): Block[] => BLOCKS.filter((block) => block.type === 'yaml' && block.section === section);

async function follow(section: string): Promise<void> {
  for (const { text } of commands(section)) {
    // It finds that the operator does not run, as it must here: nobody runs it.
    if (text.startsWith('assay doctor')) {
      const { code, stdout, stderr } = typed(text);
      assert.equal(code, 1, `${stdout}${stderr}`);
      assert.match(stdout, /^ok +karmada +/m);
      assert.match(stdout, /^ok +propagation +karmada-controller-manager leaves assay\.dev alone$/m);
      assert.match(stdout, /^problem +operator +Deployment assay-system\/assay is not available/m);
      assert.doesNotMatch(stdout.replace(/^problem +operator.*$/m, ''), /^problem/m);
      continue;
    }
    const { code, stdout, stderr } = typed(text);
    assert.equal(code, 0, `${text}${stdout}${stderr}`);
  }
}

// In the order of the page, as somebody does who follows it from its first line to its last.
describe('docs/karmada.md, followed on a real Karmada', () => {
  it('verifies a released image with the narrow identity, which does not let the latest pass', () => {
    const [block] = commands('One image, by hand');
    const right = typed(block?.text ?? '');
    assert.equal(right.code, 0, right.stderr);
    assert.match(right.stdout, /"docker-manifest-digest":"sha256:/);
    const latest = typed((block?.text ?? '').replace(':v1.18.2', ':latest'));
    assert.equal(latest.code, 12, latest.stderr);
    const wide = typed((block?.text ?? '').replace(':v1.18.2', ':latest').replace(/'\^[^']+'/, () => "'^https://github.com/karmada-io/karmada/.*$'"));
    assert.equal(wide.code, 0, wide.stderr);
  });

  it('has an operator of its own for what the host cluster runs, and a policy that the API server takes', async () => {
    const [install, look] = commands("Karmada's own images");
    const installed = typed(install?.text ?? '');
    assert.equal(installed.code, 0, installed.stderr);
    const account = JSON.parse(await run(host, ['get', 'clusterrolebinding', 'assay', '-o', 'json'])).subjects;
    assert.deepEqual(account.map(({ namespace }: { namespace: string }) => namespace), ['assay-host']);
    const { spec } = JSON.parse(await run(host, ['get', 'deployment', 'assay', '-n', 'assay-host', '-o', 'json'])).spec.template;
    assert.equal(spec.containers[0].args.at(-1), '--excluded-namespaces=kube-system,kube-public,kube-node-lease');
    await run(host, ['wait', '--for=condition=Established', 'crd/clusterimageverifications.assay.dev', '--timeout=20s']);
    for (const { text } of objects("Karmada's own images")) await run(host, ['apply', '-f', '-'], text);
    assert.match(typed(look?.text ?? '').stdout, /^karmada .*Audit/m);
  });

  it('installs both halves, and has them looked at', async () => {
    await follow('Installing it for your teams');
    const { spec } = JSON.parse(await run(host, ['get', 'deployment', 'assay', '-n', 'assay-system', '-o', 'json'])).spec.template;
    assert.ok(spec.containers[0].args.includes('--kubeconfig=/etc/assay/karmada/kubeconfig'));
  });

  it('has a first policy that the API server takes, and that is set to pin', async () => {
    for (const { text } of objects('A first policy')) await run(fleet, ['apply', '-f', '-'], text);
    await follow('A first policy');
    assert.equal(await run(fleet, ['get', 'civ', 'acme', '-o', 'jsonpath={.spec.enforcement}']), 'Enforce');
  });

  it('reads a status as it is printed on the page', async () => {
    const row = (name: string, verified: number, templates: number): object => ({ kind: 'PropagationPolicy', namespace: 'web', name, templates, verified, failed: templates - verified, unknown: 0, held: 0 });
    const cluster = (name: string, workloads: number, failed: number): object => ({ name, workloads, verified: workloads - failed, failed, unpinned: failed, held: 0 });
    const status = { propagation: [row('europe', 0, 1), row('everywhere', 2, 2)], clusters: [cluster('member1', 2, 0), cluster('member2', 3, 1)] };
    await run(fleet, ['patch', 'civ', 'acme', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status })]);
    const [wide, byPolicy, events] = commands('What the status shows').map(({ text }) => typed(text));
    assert.match(wide?.stdout ?? '', /^NAME +READY +VERIFIED +PINNED +ENFORCEMENT +AGE +REASON +MESSAGE\nacme /);
    const printed = BLOCKS.filter(({ type, section }) => type === 'output' && section === 'What the status shows').map(({ text }) => text);
    assert.equal(byPolicy?.stdout, printed[1]);
    assert.equal(events?.code, 0, events?.stderr);
  });

  it('takes away all of it again', async () => {
    await follow('Removing it');
    for (const [cluster, where] of [[fleet, 'karmada-apiserver'], [host, 'host']] as const) {
      const { stdout } = await cluster.kubectl(['get', 'crd,clusterrole,clusterrolebinding,namespace', '-l', 'app.kubernetes.io/part-of=assay', '-o', 'name']);
      assert.equal(stdout, '', where);
    }
  });

  it('has no commands but those that were followed', () => {
    const followed = ['One image, by hand', "Karmada's own images", 'Installing it for your teams', 'A first policy', 'What the status shows', 'Removing it'];
    assert.deepEqual([...new Set(BLOCKS.filter(({ type }) => type === 'commands').map(({ section }) => section))], followed);
  });
});
