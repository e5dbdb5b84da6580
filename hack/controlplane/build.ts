import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { atEnd, own, temporaryDirectory } from './estate.ts';
import { describeModule, type GoModule } from './go-module.ts';
import { KARMADA, keepManifests, manifestsOf } from './karmada/manifests.ts';
import type { Binary } from './places.ts';
import { type Progress, seconds } from './progress.ts';

/** What `build` works with. */
export interface BuildOptions {
  /** The go command. */
  readonly go: string;
  /** The folder with go.mod. */
  readonly module: string;
  /** Where finished binaries go. */
  readonly cache: string;
  /** The file that remembers how long each build took. */
  readonly durations: string;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Progress;
}

/** The package of each binary, and how long it takes on two cores with nothing compiled before; seconds. */
const RECIPES: Readonly<Record<Binary, { readonly package: string; readonly usual: number }>> = {
  etcd: { package: 'go.etcd.io/etcd/server/v3', usual: 21 },
  'kube-apiserver': { package: 'k8s.io/kubernetes/cmd/kube-apiserver', usual: 362 },
  'kube-controller-manager': { package: 'k8s.io/kubernetes/cmd/kube-controller-manager', usual: 98 },
  kubectl: { package: 'k8s.io/kubernetes/cmd/kubectl', usual: 20 },
  registry: { package: './registry', usual: 10 },
  'karmada-aggregated-apiserver': { package: `${KARMADA}/cmd/aggregated-apiserver`, usual: 140 },
  'karmada-controller-manager': { package: `${KARMADA}/cmd/controller-manager`, usual: 60 },
  'karmada-scheduler': { package: `${KARMADA}/cmd/scheduler`, usual: 14 },
  'karmada-webhook': { package: `${KARMADA}/cmd/webhook`, usual: 6 },
  cosign: { package: 'github.com/sigstore/cosign/v3/cmd/cosign', usual: 360 },
};

/** The modules whose programs say which version they are, and the packages that hold it. */
const STAMPED = [
  { module: 'k8s.io/kubernetes', targets: ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'] },
  { module: KARMADA, targets: [`${KARMADA}/pkg/version`] },
] as const;

const UNFINISHED = '.unfinished';
const KEPT_LINES = 20;

/** Builds each binary into the cache; the caller holds the lock. A file is there only when it is whole. Throws with Go's own last lines. */
export async function build(missing: readonly Binary[], options: BuildOptions): Promise<void> {
  if (missing.length === 0) return;
  for (const name of readdirSync(options.cache)) {
    if (name.endsWith(UNFINISHED)) rmSync(join(options.cache, name), { force: true });
  }
  const last = lastDurations(options.durations);
  const expected = missing.map((binary) => last[binary] ?? RECIPES[binary].usual).reduce((sum, one) => sum + one, 0);
  options.progress.say(`Building ${missing.join(', ')} (once per machine, into ${options.cache}; about ${seconds(expected)}).`);
  const flags = ['-s -w'];
  for (const stamped of STAMPED.filter(({ module }) => missing.some((binary) => RECIPES[binary].package.startsWith(`${module}/`)))) {
    options.progress.step(`looking at the Go module ${stamped.module}`, 'Go fetches it when it is not there');
    const described = await describeModule(stamped.module, options);
    flags.push(...versionStamps(stamped, described));
    if (stamped.module === KARMADA) keepManifests(manifestsOf(described.Dir), options.cache);
  }
  for (const [index, binary] of missing.entries()) {
    const started = Date.now();
    const what = `building ${binary} (${index + 1} of ${missing.length})`;
    const known = last[binary] === undefined ? `usually up to ${seconds(RECIPES[binary].usual)}` : `took ${seconds(last[binary])} last time`;
    await buildOne(binary, flags.join(' '), options, (detail) => {
      options.progress.step(what, `${seconds((Date.now() - started) / 1000)}, ${known}${detail}`);
    });
    const took = (Date.now() - started) / 1000;
    options.progress.say(`Built ${binary} in ${seconds(took)}.`);
    rememberDuration(options.durations, binary, took);
  }
}

async function buildOne(binary: Binary, flags: string, options: BuildOptions, tell: (detail: string) => void): Promise<void> {
  const unfinished = join(options.cache, `${binary}.${process.pid}${UNFINISHED}`);
  const args = ['build', '-v', '-mod=readonly', '-buildvcs=false', '-trimpath', `-ldflags=${flags}`, '-o', unfinished, RECIPES[binary].package];
  const go = spawn(options.go, args, {
    cwd: options.module,
    // A work directory of ours: Go leaves its own behind when it is interrupted.
    env: { ...options.env, CGO_ENABLED: '0', GOWORK: 'off', GOTMPDIR: temporaryDirectory('go') },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  // With its compilers, which do not notice that Go is gone.
  own(go, true);
  const forget = atEnd(() => rmSync(unfinished, { force: true }));
  try {
    await watch(binary, go, tell);
    renameSync(unfinished, join(options.cache, binary));
  } finally {
    forget();
    rmSync(unfinished, { force: true });
  }
}

/** Follows Go's output, which names each module that it downloads and each package that it compiles. */
async function watch(binary: Binary, go: ChildProcess, tell: (detail: string) => void): Promise<void> {
  const kept: string[] = [];
  const counts = { modules: 0, packages: 0 };
  const show = (): void => {
    const parts = [counts.modules > 0 ? `modules downloaded: ${counts.modules}` : '', counts.packages > 0 ? `packages compiled: ${counts.packages}` : ''];
    tell(parts.filter((part) => part !== '').map((part) => `, ${part}`).join(''));
  };
  const timer = setInterval(show, 1_000);
  show();
  if (go.stderr !== null) {
    createInterface({ input: go.stderr }).on('line', (line) => {
      if (line.startsWith('go: downloading ')) counts.modules += 1;
      else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) counts.packages += 1;
      else kept.push(line);
      if (kept.length > KEPT_LINES) kept.shift();
    });
  }
  const code = await new Promise<number | string>((resolve, reject) => {
    go.once('error', reject);
    go.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
  }).finally(() => clearInterval(timer));
  if (code !== 0) throw new Error(`go build of ${binary} failed (${code}):\n${kept.join('\n')}`);
}

/**
 * Stamps the version, commit and date of the module itself: an unstamped server calls itself v0.0.0-master, and clients that look at
 * versions refuse it.
 */
function versionStamps({ targets }: (typeof STAMPED)[number], { Version: version, Origin: origin, Info: info }: GoModule): string[] {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const { Time: date } = JSON.parse(readFileSync(info, 'utf8')) as { Time: string };
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitCommit: origin?.Hash ?? '', gitTreeState: 'clean', buildDate: date };
  return targets.flatMap((target) => Object.entries(values).map(([name, value]) => `-X ${target}.${name}=${value}`));
}

function lastDurations(file: string): Partial<Record<Binary, number>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Partial<Record<Binary, number>>;
  } catch {
    return {};
  }
}

function rememberDuration(file: string, binary: Binary, took: number): void {
  writeFileSync(`${file}${UNFINISHED}`, JSON.stringify({ ...lastDurations(file), [binary]: Math.round(took) }));
  renameSync(`${file}${UNFINISHED}`, file);
}
