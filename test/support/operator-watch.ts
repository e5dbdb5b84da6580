import { fileURLToPath } from 'node:url';
import { auditWrites } from './audit.ts';
import type { Cluster } from './cluster.ts';
import { eventually, type Operator } from './operator.ts';
import type { ProbeLine } from './operator-probe.ts';

/** What an operator did in a while. */
export interface Deeds {
  /** Requests that change something in the API server, leases left out: `patch deployments web/api`. */
  readonly writes: readonly string[];
  /** Requests to registries. */
  readonly requests: number;
  /** Looks at workloads. */
  readonly judged: number;
  /** Looks at policies. */
  readonly policies: number;
}

/** What Node is to be told, so that {@link probe} has an answer. */
export const PROBED = `--import=${fileURLToPath(new URL('operator-probe.ts', import.meta.url))}`;

/** Watches what an operator does, from its metrics and from the API server's audit log of its user. */
export class OperatorWatch {
  readonly #cluster: Pick<Cluster, 'auditLog'>;
  readonly #user: string;
  readonly operator: Operator;

  constructor(cluster: Pick<Cluster, 'auditLog'>, user: string, operator: Operator) {
    this.#cluster = cluster;
    this.#user = user;
    this.operator = operator;
  }

  /** What is done while `work` runs. */
  async during(work: () => Promise<unknown>): Promise<Deeds> {
    const [since, before] = [Date.now(), await this.#counts()];
    await work();
    const after = await this.#counts();
    return { writes: this.#writes(since), requests: after.requests - before.requests, judged: after.judged - before.judged, policies: after.policies - before.policies };
  }

  /** Waits until nothing was judged, asked of a registry or written for `seconds`. */
  async untilQuiet(seconds = 3, patience = 120): Promise<void> {
    let [since, known] = [Date.now(), ''];
    await eventually('quiet', async () => {
      const now = JSON.stringify(await this.#counts());
      if (now !== known) [known, since] = [now, Date.now()];
      return Date.now() - since >= seconds * 1000 && this.#writes(Date.now() - seconds * 1000).length === 0;
    }, () => this.operator.process.tail(3), patience);
  }

  /** How many workloads are in a state, or in all of them together. */
  async workloads(state?: string): Promise<number> {
    return sum(await this.operator.metrics(), 'assay_workloads{', state === undefined ? '' : `state="${state}"`);
  }

  /** What is printed by an operator that was started with {@link PROBED}; since the last time. */
  async probe(): Promise<ProbeLine> {
    const lines = (): ProbeLine[] => this.operator.log().filter((line) => line['message'] === 'probe') as unknown as ProbeLine[];
    const before = lines().length;
    process.kill(this.operator.process.pid, 'SIGUSR2');
    await eventually('the answer of the probe', () => lines().length > before);
    return lines().at(-1) as ProbeLine;
  }

  #writes(since: number): string[] {
    return auditWrites(this.#cluster.auditLog, this.#user, since).flatMap(({ verb, resource, namespace, name }) => (resource === 'leases' ? [] : [`${verb} ${resource} ${namespace}/${name}`]));
  }

  async #counts(): Promise<Record<'requests' | 'judged' | 'policies', number>> {
    const text = await this.operator.metrics();
    const looks = (controller: string): number => sum(text, 'controller_runtime_reconcile_total{', `controller="${controller}"`);
    return { requests: sum(text, 'assay_registry_requests_total{'), judged: looks('workload'), policies: looks('policy') };
  }
}

function sum(exposition: string, name: string, label = ''): number {
  const lines = exposition.split('\n').filter((line) => line.startsWith(name) && line.includes(label));
  return lines.reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
