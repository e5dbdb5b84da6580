import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { filled, manifestsOf } from '../../../hack/controlplane/karmada/manifests.ts';
import { KARMADA_MODULE, karmadaPrograms } from '../../../hack/controlplane/karmada/programs.ts';
import { fingerprint, KARMADA_BINARIES, ProgramsUnavailable } from '../../../hack/controlplane/places.ts';
import type { Progress } from '../../../hack/controlplane/progress.ts';

const directory = mkdtempSync(join(tmpdir(), 'karmada-'));
after(() => rmSync(directory, { recursive: true }));

const quiet: Progress = { step: () => undefined, say: () => undefined, clear: () => undefined };
const module = join(directory, 'module');
const cache = join(directory, 'cache', 'assay', 'controlplane', fingerprint(KARMADA_MODULE));
const env = { PATH: `${directory}:/usr/bin:/bin`, XDG_CACHE_HOME: join(directory, 'cache'), HOME: directory };

const CRDS = 'charts/karmada/_crds';
const DEPLOY = 'artifacts/deploy';

/** The parts of Karmada's module that matter, with the same placeholders in the same places. */
const FILES: Readonly<Record<string, string>> = {
  [`${CRDS}/kustomization.yaml`]: 'resources:\n- bases/work/works.yaml\n- bases/work/resourcebindings.yaml\npatches:\n- path: patches/webhook.yaml\n',
  [`${CRDS}/bases/work/works.yaml`]: 'kind: CustomResourceDefinition\nmetadata: {name: works}\nspec: {group: work}\n',
  [`${CRDS}/bases/work/resourcebindings.yaml`]: 'kind: CustomResourceDefinition\nmetadata: {name: resourcebindings}\nspec: {group: work}\n',
  [`${CRDS}/patches/webhook.yaml`]:
    'kind: CustomResourceDefinition\nmetadata: {name: resourcebindings}\nspec:\n  conversion:\n    clientConfig:\n      url: "https://{{name}}.{{namespace}}.svc:443/convert"\n      caBundle: "{{caBundle}}"\n',
  [`${DEPLOY}/webhook-configuration.yaml`]:
    'kind: MutatingWebhookConfiguration\nmetadata: {name: m}\nwebhooks:\n  - clientConfig:\n      url: https://karmada-webhook.karmada-system.svc:443/mutate-work\n      caBundle: {{caBundle}}\n---\nkind: ValidatingWebhookConfiguration\nmetadata: {name: v}\n---\n',
  [`${DEPLOY}/admin-clusterrole-aggregation.yaml`]: '# a comment\n---\nkind: ClusterRole\nmetadata: {name: karmada-view}\n',
  [`${DEPLOY}/cluster-proxy-admin-rbac.yaml`]: 'kind: ClusterRole\nmetadata: {name: cluster-proxy-admin}\n',
  [`${DEPLOY}/karmada-aggregated-apiserver-apiservice.yaml`]:
    'kind: APIService\nmetadata: {name: clusters}\nspec:\n  caBundle: {{caBundle}}\n---\nkind: Service\nmetadata: {name: s}\nspec: {externalName: somewhere}\n',
};

beforeEach(() => {
  for (const one of [module, join(directory, 'cache')]) rmSync(one, { recursive: true, force: true });
  for (const [name, content] of Object.entries(FILES)) {
    mkdirSync(dirname(join(module, name)), { recursive: true });
    writeFileSync(join(module, name), content);
  }
  writeFileSync(join(directory, 'info.json'), JSON.stringify({ Time: '2026-01-02T03:04:05Z' }));
  const answer = JSON.stringify({ Version: 'v1.18.2', Info: join(directory, 'info.json'), Dir: module, Origin: { Hash: 'c0ffee' } });
  const go = `#!/bin/sh\nif [ "$1" = mod ]; then echo '${answer}'; exit; fi\necho "$@" >> ${directory}/calls\nwhile [ "$1" != -o ]; do shift; done\nprintf whole > "$2"; chmod +x "$2"\n`;
  writeFileSync(join(directory, 'go'), go, { mode: 0o755 });
  rmSync(join(directory, 'calls'), { force: true });
});

describe('what Karmada\'s release puts into its API server', () => {
  it('is read from its module: definitions with their patches, webhooks, roles, and the service of the aggregated API', () => {
    const { crds, webhooks, roles, apiService } = manifestsOf(module);
    assert.deepEqual(crds.map(({ metadata, spec }) => [metadata.name, Object.keys(spec ?? {})]), [['works', ['group']], ['resourcebindings', ['group', 'conversion']]]);
    assert.deepEqual(webhooks.map(({ kind }) => kind), ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration']);
    assert.deepEqual(roles.map(({ metadata }) => metadata.name), ['karmada-view', 'cluster-proxy-admin']);
    assert.deepEqual(apiService.metadata.name, 'clusters');
  });

  it('points at the webhook on loopback and at our authority once that is filled in, with no placeholder left', () => {
    const text = JSON.stringify(filled(manifestsOf(module), { authority: 'PEM', webhookPort: 4711 }));
    assert.equal(text.includes('{{'), false, text);
    assert.ok(text.includes('"url":"https://127.0.0.1:4711/mutate-work","caBundle":"UEVN"'), text);
    assert.ok(text.includes('"url":"https://127.0.0.1:4711/convert","caBundle":"UEVN"'), text);
    assert.deepEqual(filled(manifestsOf(module), { authority: 'PEM', webhookPort: 1 }).apiService.spec, { caBundle: 'UEVN' });
  });
});

describe('Karmada\'s programs', () => {
  it('are built into a place of their own, stamped with the version, and their manifests outlive Go\'s cache', async () => {
    const built = await karmadaPrograms(quiet, env);
    assert.deepEqual(readdirSync(cache).toSorted(), [...KARMADA_BINARIES, 'karmada-manifests.json'].toSorted());
    const calls = readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');
    assert.equal(calls.length, 4);
    for (const stamp of ['gitVersion=v1.18.2', 'gitCommit=c0ffee']) assert.ok(calls[0]?.includes(`-X github.com/karmada-io/karmada/pkg/version.${stamp}`), stamp);
    assert.match(calls[0] ?? '', / github\.com\/karmada-io\/karmada\/cmd\/aggregated-apiserver$/);
    rmSync(module, { recursive: true });
    rmSync(join(directory, 'go'));
    assert.deepEqual(await karmadaPrograms(quiet, env), built);
  });

  it('may be the user\'s own: then Go is asked for the manifests, and without Go one sentence says so', async () => {
    const own = join(directory, 'own');
    mkdirSync(own, { recursive: true });
    for (const name of KARMADA_BINARIES) writeFileSync(join(own, name), '', { mode: 0o755 });
    const given = { ...env, ASSAY_CONTROLPLANE_DIR: own };
    assert.deepEqual((await karmadaPrograms(quiet, given)).manifests, manifestsOf(module));
    assert.deepEqual(readdirSync(own).toSorted(), [...KARMADA_BINARIES].toSorted(), 'nothing is written into a directory of the user\'s');
    await assert.rejects(karmadaPrograms(quiet, { ...given, PATH: '' }), (error: Error) => {
      assert.ok(error instanceof ProgramsUnavailable);
      assert.match(error.message, /without its manifests, and there is no Go to fetch them with: install Go/);
      return true;
    });
  });
});
