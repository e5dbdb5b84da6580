import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type OwnedProcess, startOwned } from '../../hack/controlplane/owned-process.ts';

/** The built binary, as the image starts it. */
export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** A running operator. */
export interface Operator {
  readonly process: OwnedProcess;
  /** `http://127.0.0.1:port/metrics`. */
  readonly metricsUrl: string;
  /** `http://127.0.0.1:port`, for `/healthz` and `/readyz`. */
  readonly probesUrl: string;
  /** All series as one text. */
  metrics(): Promise<string>;
  /** The value of one series, by its exact name and labels as exposed; undefined where there is none. */
  metric(series: string): Promise<number | undefined>;
  /** The log, one object a line. */
  log(): Record<string, unknown>[];
  /** SIGTERM (or another signal), and removes its files. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface OperatorOptions {
  readonly kubeconfig: string;
  /** Plain-HTTP registries, `127.0.0.1:port`. */
  readonly registries?: readonly string[];
  /** Further flags. */
  readonly args?: readonly string[];
  /** Whether to wait until it is ready; default true. */
  readonly ready?: boolean;
  /** Arguments of Node itself, such as `--import=FILE`. */
  readonly nodeArgs?: readonly string[];
}

/** Starts the real binary of the operator as a child process and waits until it is ready. */
export async function startOperator({ kubeconfig, registries = [], args = [], ready = true, nodeArgs = [] }: OperatorOptions): Promise<Operator> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-operator-'));
  const log = join(folder, 'operator.log');
  const http = registries.length === 0 ? [] : [`--allow-http-registry=${registries.join(',')}`];
  // Nothing here asks the public-good instance; a test of refreshing names a mirror of its own.
  const offline = args.some((arg) => /^--(?:tuf-mirror|trusted-root)/.test(arg)) ? [] : ['--tuf-mirror=0'];
  const child = await startOwned({
    name: 'operator',
    command: process.execPath,
    args: [...nodeArgs, CLI, 'run', `--kubeconfig=${kubeconfig}`, '--metrics-bind-address=127.0.0.1:0', '--health-probe-bind-address=127.0.0.1:0', ...http, ...offline, ...args],
    log,
    env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...compileCache() },
  });
  const lines = (): Record<string, unknown>[] =>
    readFileSync(log, 'utf8').split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    await child.stop(signal, 15_000);
    rmSync(folder, { recursive: true, force: true });
  };
  const urlOf = async (name: string): Promise<string> => {
    const found = await eventually(`the address of ${name}`, () => {
      assert.ok(child.running, `the operator ended: ${child.tail(5)}`);
      const address = lines().find((line) => line['message'] === 'listening' && line['endpoint'] === name)?.['address'];
      return typeof address === 'string' ? address : undefined;
    });
    return `http://${found}`;
  };
  try {
    const [metricsBase, probesUrl] = await Promise.all([urlOf('metrics'), urlOf('probes')]);
    const metrics = async (): Promise<string> => (await fetch(`${metricsBase}/metrics`)).text();
    if (ready) await eventually('readiness', async () => (await fetch(`${probesUrl}/readyz`)).ok, () => child.tail(20));
    return {
      process: child,
      metricsUrl: `${metricsBase}/metrics`,
      probesUrl,
      metrics,
      metric: async (series) => valueOf(await metrics(), series),
      log: lines,
      stop,
    };
  } catch (error) {
    await stop('SIGKILL');
    throw error;
  }
}

/** Where Node keeps what it compiled, when this process keeps it somewhere: tests start the same program a hundred times. */
function compileCache(): NodeJS.ProcessEnv {
  const directory = process.env['NODE_COMPILE_CACHE'];
  return directory === undefined ? {} : { NODE_COMPILE_CACHE: directory };
}

function valueOf(exposition: string, series: string): number | undefined {
  const line = exposition.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** Asks until the answer is truthy, often at first and the longer it takes the more seldom, for a minute at most (a machine may have other things to do); fails with what is waited for and, where given, what was seen last. */
export async function eventually<T>(what: string, ask: () => T | Promise<T>, seen?: () => unknown, seconds = 60): Promise<NonNullable<T>> {
  const started = Date.now();
  let last: unknown;
  while (Date.now() - started < seconds * 1000) {
    try {
      const answer = await ask();
      if (answer) return answer;
      last = answer;
    } catch (error) {
      if (error instanceof assert.AssertionError && error.message.includes('the operator ended')) throw error;
      last = error;
    }
    await wait(Math.min(1000, 100 + (Date.now() - started) / 10));
  }
  const context = seen === undefined ? '' : `; seen: ${String(await seen())}`;
  throw new Error(`${what} did not come within ${seconds} s; last: ${last instanceof Error ? last.message : JSON.stringify(last)}${context}`);
}
