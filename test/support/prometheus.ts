import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianProgram } from '../../hack/controlplane/debian.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';
import { type OwnedProcess, startOwned } from '../../hack/controlplane/owned-process.ts';
import { freePort } from '../../hack/controlplane/ports.ts';
import { ready, ServerFailed } from '../../hack/controlplane/servers.ts';

/** One series of an instant query's answer. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A target as Prometheus sees it; `lastError` is empty when the last scrape was good. */
export interface Target {
  readonly scrapeUrl: string;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

/** A real Prometheus on loopback. */
export interface Prometheus {
  readonly url: string;
  /** The promtool beside it: checks rules and exposition formats. */
  readonly promtool: string;
  /** The series that an instant query yields now. Throws with Prometheus' own words when it refuses the query. */
  query(promql: string): Promise<Sample[]>;
  /** Asks until `wanted` is true of the answer. Throws after `timeout` milliseconds (default 20,000), showing the last answer and the targets. */
  until(promql: string, wanted: (samples: readonly Sample[]) => boolean, timeout?: number): Promise<Sample[]>;
  targets(): Promise<Target[]>;
  stop(): Promise<void>;
}

/** What it scrapes, and the rule files that it evaluates; both each second. */
export interface PrometheusOptions {
  /** Entries of `scrape_configs` as in prometheus.yml. */
  readonly scrape: readonly Readonly<Record<string, unknown>>[];
  readonly ruleFiles?: readonly string[];
}

const ATTEMPTS = 5;
const running = new Set<Prometheus>();

after(async () => {
  await Promise.all([...running].map((prometheus) => prometheus.stop()));
});

/** Starts Debian's Prometheus, or says in one sentence why there is none here: skip with it. Ends with the test file at the latest. */
export async function startPrometheus(options: PrometheusOptions): Promise<Prometheus | { readonly missing: string }> {
  const found = await debianProgram('prometheus');
  if ('missing' in found) return found;
  const directory = temporaryDirectory('prometheus');
  const config = join(directory, 'prometheus.json');
  const content = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: options.ruleFiles ?? [],
    scrape_configs: options.scrape,
  };
  writeFileSync(config, JSON.stringify(content));
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOn(await freePort(), found.program, directory, config);
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof ServerFailed && error.portTaken)) throw error;
    }
  }
}

async function startOn(port: number, program: string, directory: string, config: string): Promise<Prometheus> {
  const url = `http://127.0.0.1:${port}`;
  const server = await startOwned({
    name: 'prometheus',
    command: program,
    log: join(directory, 'prometheus.log'),
    args: [`--config.file=${config}`, `--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=127.0.0.1:${port}`],
  });
  try {
    await ready(server, async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok ?? false);
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
  return handle(url, program, server);
}

function handle(url: string, program: string, server: OwnedProcess): Prometheus {
  const query = async (promql: string): Promise<Sample[]> => {
    const { result } = await get<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(`${url}/api/v1/query?query=${encodeURIComponent(promql)}`);
    return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
  };
  const targets = async (): Promise<Target[]> => (await get<{ activeTargets: Target[] }>(`${url}/api/v1/targets`)).activeTargets;
  const prometheus: Prometheus = {
    url,
    promtool: join(dirname(program), 'promtool'),
    query,
    targets,
    async until(promql, wanted, timeout = 20_000) {
      const deadline = Date.now() + timeout;
      for (;;) {
        const samples = await query(promql);
        if (wanted(samples)) return samples;
        if (Date.now() > deadline) {
          throw new Error(`${promql} did not come to what was wanted within ${timeout / 1000} s: ${JSON.stringify(samples)}; targets: ${JSON.stringify(await targets())}`);
        }
        await sleep(200);
      }
    },
    async stop() {
      running.delete(prometheus);
      await server.stop('SIGKILL');
    },
  };
  running.add(prometheus);
  return prometheus;
}

async function get<Data>(address: string): Promise<Data> {
  const response = await fetch(address, { signal: AbortSignal.timeout(10_000) });
  const answer = (await response.json()) as { status: string; error?: string; data: Data };
  if (answer.status !== 'success') throw new Error(`Prometheus refused ${address}: ${answer.error}`);
  return answer.data;
}
