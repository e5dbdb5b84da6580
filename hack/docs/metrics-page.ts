import { Registry } from 'prom-client';
import { REASONS, RESULTS, WORKLOAD_STATES } from '../../src/api/reasons.ts';
import { REQUEST_KINDS } from '../../src/registry/types.ts';
import { OVERRUNS } from '../../src/verification/worker/worker-judge.ts';
import { createInstruments } from '../../src/telemetry/instruments.ts';
import { TRUST_ORIGINS, TRUST_RESULTS } from '../../src/telemetry/trust-series.ts';
import { JUDGE_STATES, LIST_RESULTS, PIN_MODES, PIN_RESULTS, RECONCILE_RESULTS, UNMATCHED } from '../../src/telemetry/series.ts';
import { escape } from './api-page.ts';

interface Instrument {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Every metric with a name of its own, in the order in which they are registered. */
export function instruments(): Instrument[] {
  const registry = new Registry();
  createInstruments(registry);
  return registry.getMetricsAsArray().map((metric) => {
    const { labelNames } = metric as unknown as { labelNames?: readonly string[] };
    return { name: metric.name, help: metric.help, type: String(metric.type), labels: labelNames ?? [] };
  });
}

/** The page about metrics. */
export function metricsPage(): string {
  return [
    '# Metrics',
    '',
    '`GET /metrics` at `--metrics-bind-address` (`:8080`). `workqueue_*`, `controller_runtime_*` and `rest_client_*` have the names, labels and buckets of',
    'controller-runtime, so that its dashboards and alerts work. Every series is there from the start with 0, so that the first failure is already an',
    'increase; labels are of closed lists, never an image, digest, namespace or user. Beside these there are the `process_*` and `nodejs_*` metrics of',
    'prom-client. This page is generated from the program by `node hack/generate-docs.ts`.',
    '',
    '| metric | type | labels | meaning |',
    '|---|---|---|---|',
    ...instruments().map(({ name, help, type, labels }) => `| \`${name}\` | ${type} | ${words(labels)} | ${escape(help)} |`),
    '',
    '## Labels',
    '',
    '| label | of | values |',
    '|---|---|---|',
    `| \`result\` | \`assay_verifications_total\`, \`assay_images\` | ${words(RESULTS)} |`,
    `| \`reason\` | the same | ${words(REASONS)}: see [reasons](reasons.md) |`,
    `| \`state\` | \`assay_workloads\`, \`assay_karmada_templates\` | ${words(WORKLOAD_STATES)} |`,
    `| \`result\` | \`assay_karmada_works\` | ${words([...RESULTS, UNMATCHED])} |`,
    `| \`code\` | \`assay_judgement_overruns_total\` | ${words(OVERRUNS)}: processor time, no end in sight, memory, a broken worker, a defect |`,
    `| \`state\` | \`assay_judgement_workers\` | ${words(JUDGE_STATES)} |`,
    `| \`mode\` | \`assay_pins_total\` | ${words(PIN_MODES)} |`,
    `| \`result\` | \`assay_pins_total\` | ${words(PIN_RESULTS)} |`,
    `| \`kind\` | \`assay_registry_requests_total\` | ${words(REQUEST_KINDS)} |`,
    `| \`code\` | \`assay_registry_requests_total\`, \`rest_client_requests_total\` | HTTP status codes; \`<error>\` where no answer came, \`other\` for uncommon codes |`,
    `| \`result\` | \`controller_runtime_reconcile_total\` | ${words(RECONCILE_RESULTS)} |`,
    `| \`result\` | \`assay_watch_lists_total\` | ${words(LIST_RESULTS)} |`,
    `| \`result\` | \`assay_trust_root_refreshes_total\` | ${words(TRUST_RESULTS)}: the mirror does not answer, is not believed, answers with something older, with a root that cannot be used, there is no folder for it |`,
    `| \`origin\` | \`assay_trust_root_origin\` | ${words(TRUST_ORIGINS)} |`,
    '| `controller` | those of the work queue and of controllers | `policy`, `prediction`, `workload` |',
    '',
    '## What to watch',
    '',
    '| question | query |',
    '|---|---|',
    '| Is anything running that did not verify? | `sum(assay_workloads{state=~"failed\\|unknown\\|contested"}) > 0` |',
    '| Which reasons are new? | `increase(assay_verifications_total{result="Failed"}[15m]) > 0` |',
    '| Does a registry throttle? | `increase(assay_registry_requests_total{code="429"}[15m]) > 0` |',
    '| Does somebody try to stop the judge? | `sum(increase(assay_judgement_overruns_total[15m])) > 0` |',
    '| Are there too few judges? | `max_over_time(assay_judgement_waiting[15m]) > 100` |',
    '| Does a cluster run a tag where the workload has a digest? | `assay_karmada_digests_dropped > 0` |',
    '| Does Karmada do something else than its overrides say? | `increase(assay_karmada_prediction_differences_total[1h]) > 0` |',
    '| Are patches refused? | `increase(assay_pins_total{result=~"forbidden\\|rejected\\|error"}[15m]) > 0` |',
    '| Is the trust root outdated? | `time() > (assay_trust_root_expiry_timestamp_seconds > 0)` |',
    '| Is the API server out of sight? | `max(assay_watch_failing) > 0` |',
    '',
  ].join('\n');
}

function words(list: readonly string[]): string {
  return list.map((word) => `\`${word}\``).join(', ');
}
