import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheRoot, executable, fingerprint } from '../../hack/controlplane/places.ts';
import { binaries, GO_MODULE } from '../../hack/controlplane/binaries.ts';
import { startRegistry } from '../../hack/demo/registry.ts';
import { buildDist } from '../../hack/testrunner/dist.ts';
import { ISSUER, SUBJECT } from '../support/signatures.ts';
import { pushImage } from '../support/sigstore/push.ts';
import { createWorld } from '../support/sigstore/world.ts';
import { median, spread, table } from './support/figures.ts';

export const about = 'a whole "assay verify" of one image in a loopback registry, and cosign\'s in turns with it [--rounds 15] [--cosign PATH]';

const root = resolve(import.meta.dirname, '../..');

/** A command, what it must exit with, and how long it took each time, in milliseconds. */
interface Timed {
  readonly name: string;
  readonly command: readonly string[];
  readonly wall: number[];
  /** Processor time of all rounds together, in milliseconds; the system counts it in steps of 10. */
  processor: number;
}

/** Prints how long each command takes as a whole process, from the call to the end of its output. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { rounds: { type: 'string', default: '15' }, cosign: { type: 'string' } } });
  const cosign = values.cosign ?? builtCosign();
  buildDist(root);
  const folder = mkdtempSync(join(tmpdir(), 'assay-bench-'));
  try {
    const commands = await prepare(folder, cosign);
    for (let round = 0; round <= Number(values.rounds); round += 1) {
      for (const one of round % 2 === 0 ? commands : commands.toReversed()) {
        const before = processorOfChildren();
        const milliseconds = await timed(one.command, folder);
        if (round === 0) continue;
        one.wall.push(milliseconds);
        one.processor += processorOfChildren() - before;
      }
    }
    report(commands, values.rounds);
    if (cosign === undefined) console.log('Without cosign: give it with --cosign, or build it once with npm run oracle.');
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Processor time of the processes that this one has waited for, in milliseconds (proc_pid_stat(5): cutime, cstime); nothing where there is no /proc. */
function processorOfChildren(): number {
  if (!existsSync('/proc/self/stat')) return Number.NaN;
  const fields = readFileSync('/proc/self/stat', 'utf8').replace(/^.*\) /s, '').split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** The one that `npm run oracle` has built, if it has. */
function builtCosign(): string | undefined {
  const path = join(cacheRoot(process.env), 'controlplane', fingerprint(join(GO_MODULE, '../oracle')), 'cosign');
  return executable(path) ? path : undefined;
}

/** Pushes an image for each format, signed without a key, and gives the commands. */
async function prepare(folder: string, cosign: string | undefined): Promise<readonly Timed[]> {
  const { registry } = await binaries(['registry']);
  const host = await startRegistry(registry, folder);
  const world = createWorld();
  const signer = world.keyless({ subject: SUBJECT, issuer: ISSUER });
  const trustedRoot = join(folder, 'trusted_root.json');
  writeFileSync(trustedRoot, world.trustedRootJson);
  const assay = [process.execPath, join(root, 'dist/cli.js')];
  const commands: Timed[] = [
    { name: 'node itself, doing nothing', command: [process.execPath, '--eval', '0'], wall: [], processor: 0 },
    { name: 'assay --version', command: [...assay, '--version'], wall: [], processor: 0 },
  ];
  for (const format of ['bundle', 'legacy'] as const) {
    const image = await pushImage(host, `acme/${format}:1.0`);
    await world.signImage(image, signer, { format });
    const verify = ['verify', '--trusted-root', trustedRoot, '--certificate-identity', SUBJECT, '--certificate-oidc-issuer', ISSUER, image.reference];
    commands.push({ name: `assay verify, ${format}`, command: [...assay, ...verify], wall: [], processor: 0 });
    if (cosign !== undefined) commands.push({ name: `cosign verify, ${format}`, command: [cosign, ...verify], wall: [], processor: 0 });
  }
  return commands;
}

/** Milliseconds; rejects where the command does not succeed. Its home is the folder, so that it finds no settings and no credentials. */
function timed([command = '', ...args]: readonly string[], folder: string): Promise<number> {
  return new Promise((done, fail) => {
    const env = { PATH: process.env['PATH'], HOME: folder, TUF_ROOT: join(folder, 'tuf'), DOCKER_CONFIG: join(folder, 'docker') };
    const started = performance.now();
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000, killSignal: 'SIGKILL' });
    let stderr = '';
    child.stdout.resume();
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', fail);
    child.on('close', (code) => {
      if (code === 0) done(performance.now() - started);
      else fail(new Error(`${command} ${args.join(' ')} exited with ${code}: ${stderr}`));
    });
  });
}

function report(commands: readonly Timed[], rounds: string): void {
  const rows = commands.map(({ name, wall, processor }) => [name, `${spread(wall)} ms`, `${(processor / wall.length).toFixed(0)} ms`, timesCosign(name, wall, commands)]);
  table([['command', 'whole process', 'processor time', 'times cosign, round by round'], ...rows]);
  console.log(`\nEvery figure is the median of ${rounds} rounds in turns (least–most); processor time is the mean.`);
}

function timesCosign(name: string, wall: readonly number[], commands: readonly Timed[]): string {
  const other = commands.find((one) => one.name === name.replace(/^assay/, 'cosign') && one.name !== name);
  if (other === undefined) return '';
  return median(wall.map((time, round) => time / (other.wall[round] ?? Number.NaN))).toFixed(2);
}
