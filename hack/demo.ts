/**
 * `npm run demo`: a real control plane, a registry, images signed on the spot, the operator as a user would start it, and what it makes of
 * Deployments; with `--karmada` on a real Karmada with two clusters. `--keep` leaves everything running until Ctrl-C. Exits with 1 when
 * anything came out otherwise than it must.
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ProgramsUnavailable } from './controlplane/places.ts';
import { progress } from './controlplane/progress.ts';
import { howToLookAroundKarmada } from './demo/karmada/keep.ts';
import { playOnKarmada } from './demo/karmada/play.ts';
import { setKarmadaStage } from './demo/karmada/stage.ts';
import { howToLookAround, untilEnded } from './demo/keep.ts';
import type { Operator } from './demo/operator.ts';
import { play } from './demo/play.ts';
import { type Logs, setStage } from './demo/stage.ts';
import { keepLogs, type Screen, StepFailed } from './demo/steps.ts';
import { painter } from './demo/terminal.ts';

const HELP = `npm run demo [-- --karmada] [--keep]

Starts a Kubernetes control plane and a registry on this machine, signs images, runs the operator, and shows what it does.
  --karmada  the same on Karmada with two clusters: what a PropagationPolicy sends where, and what overrides do to digests
  --keep     leave everything running until Ctrl-C, and print how to look around
  --help     print this
`;

const root = resolve(import.meta.dirname, '..');
const logs: Logs = [];

/** What was played, as far as this file has to do with it. */
interface Played {
  /** How many outcomes were other than they must be. */
  readonly wrong: number;
  readonly operator: Operator;
  readonly lookAround: () => readonly string[];
  readonly stop: () => Promise<void>;
}

function screenOf(stream: NodeJS.WriteStream): Screen {
  const width = Math.min(Math.max(stream.columns ?? 120, 80), 120);
  const tell = progress();
  const busy = (what: string): void => (process.stderr.isTTY ? tell.step(what) : undefined);
  return { print: (line = '') => void stream.write(`${line}\n`), paint: painter(stream, process.env), progress: tell, busy, width };
}

async function plain(screen: Screen): Promise<Played> {
  const stage = await setStage(screen, root, logs);
  const wrong = await play(screen, stage);
  return { wrong, operator: stage.operator, lookAround: () => howToLookAround(stage), stop: () => stage.plane.stop() };
}

async function onKarmada(screen: Screen): Promise<Played> {
  const stage = await setKarmadaStage(screen, root, logs);
  const wrong = await playOnKarmada(screen, stage);
  return { wrong, operator: stage.operator, lookAround: () => howToLookAroundKarmada(stage), stop: () => stage.karmada.stop() };
}

async function main(): Promise<number> {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    console.error(`The demo needs Node 24 and this is ${process.version}: npm run demo takes the one that npm ci brings for Linux; elsewhere put a Node 24 first in PATH.`);
    return 1;
  }
  const started = performance.now();
  const { values } = parseArgs({ options: { karmada: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } } });
  const screen = screenOf(process.stdout);
  if (values.help) {
    screen.print(HELP.trimEnd());
    return 0;
  }
  const { wrong, operator, lookAround, stop } = await (values.karmada ? onKarmada(screen) : plain(screen));
  const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  screen.print();
  screen.print(wrong === 0 ? screen.paint(`Everything came out as it must, in ${took}.`, 'good') : screen.paint(`${wrong} came out otherwise than they must, in ${took}.`, 'bad'));
  if (wrong > 0) screen.print(`The logs are in ${keepLogs(logs)}.`);
  if (values.keep) {
    for (const line of lookAround()) screen.print(line);
    await untilEnded(operator);
  } else {
    screen.print(`To look around in it: npm run demo -- ${values.karmada ? '--karmada ' : ''}--keep`);
    const { code, signal } = await operator.process.stop();
    if (code !== 0) throw new StepFailed('ending', new Error(`the operator ended with ${signal ?? `code ${code}`} instead of 0`));
    await stop();
  }
  return wrong === 0 ? 0 : 1;
}

function complain(error: unknown): void {
  if (error instanceof StepFailed && error.cause instanceof ProgramsUnavailable) {
    console.error(error.message);
  } else if (error instanceof StepFailed) {
    console.error(`The demo failed at "${error.during}": ${error.message}`);
    console.error(`The logs are in ${keepLogs(logs)}.`);
  } else {
    console.error(error instanceof TypeError && 'code' in error ? error.message : error);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  complain(error);
  process.exitCode = 1;
}
// Whatever still runs or listens (the registry of genuine images is a server of this process) has nothing left to do.
process.stdout.write('', () => process.exit());
