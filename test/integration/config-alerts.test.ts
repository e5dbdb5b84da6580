import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, describe, test, type TestContext } from 'node:test';
import { parse } from 'yaml';
import { debianProgram } from '../../hack/controlplane/debian.ts';
import { temporaryDirectory } from '../../hack/controlplane/estate.ts';

const ROOT = join(import.meta.dirname, '../..');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly description: string };
}

/** What makes each alert of config/prometheus fire, and what it then says. */
const ALERTS: Record<string, { series: Record<string, number | string>; labels?: object; summary: string }> = {
  AssayDown: { series: {}, summary: 'Assay is not running, or is not scraped.' },
  AssayImagesFailed: {
    series: { 'assay_images{result="Failed",reason="NoSignature"}': 2 },
    labels: { reason: 'NoSignature' },
    summary: '2 images in use did not verify: NoSignature.',
  },
  AssayImagesUnknown: {
    series: { 'assay_images{result="Unknown",reason="RegistryUnavailable"}': 1 },
    labels: { reason: 'RegistryUnavailable' },
    summary: '1 images in use could not be judged for an hour: RegistryUnavailable.',
  },
  AssayPinContested: { series: { 'assay_workloads{state="contested"}': 3 }, summary: '3 workloads are not pinned, because somebody else puts the tag back.' },
  AssayPinRefused: { series: { 'assay_pins_total{mode="Patch",result="forbidden"}': '0+1x120' }, labels: { result: 'forbidden' }, summary: 'The API server did not take a pin: forbidden.' },
  AssayRegistryThrottles: { series: { 'assay_registry_requests_total{kind="head",code="429"}': '0+1x120' }, summary: 'A registry throttles Assay.' },
  AssayWatchFailing: { series: { 'assay_watch_failing{resource="pods"}': 1 }, labels: { resource: 'pods' }, summary: 'Assay cannot follow pods.' },
  AssayTrustRootOutdated: {
    series: { assay_trust_root_expiry_timestamp_seconds: 60 },
    summary: 'The trust root was not refreshed for so long that nobody vouches for it any more.',
  },
  AssayTrustRootRejected: {
    series: { 'assay_trust_root_refreshes_total{result="Backwards"}': '0+1x120' },
    labels: { result: 'Backwards' },
    summary: 'What the TUF mirror answers is not believed: Backwards.',
  },
  AssayDefect: {
    series: { 'controller_runtime_reconcile_panics_total{controller="policy",job="assay-metrics"}': '0+1x120' },
    labels: { controller: 'policy' },
    summary: 'Work of the policy controller failed by a defect of Assay.',
  },
};

const { spec } = parse(readFileSync(join(ROOT, 'config/prometheus/alerts.yaml'), 'utf8')) as { spec: { groups: { rules: Rule[] }[] } };
const rules = spec.groups.flatMap((group) => group.rules);

describe('config/prometheus', () => {
  const directory = temporaryDirectory('promtool');
  let found: Awaited<ReturnType<typeof debianProgram>>;
  before(async () => {
    found = await debianProgram('prometheus');
    writeFileSync(join(directory, 'rules.yaml'), JSON.stringify(spec));
  });

  /** What promtool has against it: nothing, if all is as `content` says. */
  function complaints(context: TestContext, content: object): string {
    if ('missing' in found) {
      context.skip(found.missing);
      return '';
    }
    writeFileSync(join(directory, 'test.yaml'), JSON.stringify(content));
    const { status, stdout, stderr } = spawnSync(join(dirname(found.program), 'promtool'), ['test', 'rules', 'test.yaml'], { cwd: directory, encoding: 'utf8' });
    return status === 0 ? '' : `${stdout}${stderr}`;
  }

  test('asks for metrics that there are', () => {
    const known = readFileSync(join(ROOT, 'docs/reference/metrics.md'), 'utf8');
    const named = rules.flatMap(({ expr }) => [...expr.matchAll(/\b(?:assay|controller_runtime)_[a-z_]+/g)].map(([name]) => name));
    assert.ok(named.length >= rules.length);
    assert.deepEqual(named.filter((name) => !known.includes(`| \`${name}\` |`)), []);
  });

  const testOf = (series: Record<string, number | string>, alerts: object[]): object => ({
    rule_files: ['rules.yaml'],
    evaluation_interval: '1m',
    tests: [{
      interval: '1m',
      input_series: Object.entries(series).map(([name, value]) => ({ series: name, values: typeof value === 'number' ? `${value}x120` : value })),
      alert_rule_test: alerts.map((alert) => ({ eval_time: '2h', ...alert })),
    }],
  });

  test('has an alert for each case of the table, which is still where nothing is wrong', (context) => {
    assert.deepEqual(rules.map(({ alert }) => alert), Object.keys(ALERTS));
    const names = Object.values(ALERTS).flatMap(({ series }) => Object.keys(series));
    const still = { assay_build_info: 1, ...Object.fromEntries(names.map((name) => [name, 0])) };
    assert.equal(complaints(context, testOf(still, rules.map(({ alert }) => ({ alertname: alert, exp_alerts: [] })))), '');
  });

  for (const [alert, { series, labels, summary }] of Object.entries(ALERTS)) {
    test(`${alert} says: ${summary}`, (context) => {
      const description = rules.find((rule) => rule.alert === alert)?.annotations.description;
      const exp_alerts = [{ exp_labels: { severity: 'warning', ...labels }, exp_annotations: { summary, description } }];
      assert.equal(complaints(context, testOf(series, [{ alertname: alert, exp_alerts }])), '');
    });
  }
});
