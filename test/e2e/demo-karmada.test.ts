import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { demoScratch, nothingIsLeft, startDemo } from '../support/demo-run.ts';

const DIGEST = String.raw`@sha256:[0-9a-f]{8}…`;

describe('the demo on Karmada', () => {
  it('shows a tag that becomes a digest in two clusters, an unsigned image and a dropped digest, ends with 0 and leaves nothing', async () => {
    const run = await startDemo(demoScratch(), ['--karmada']);
    assert.deepEqual(await run.demo.exited, { code: 0, signal: null }, run.output());
    const output = run.output();
    assert.match(output, new RegExp(`^✔  shop/web +shop/web:1\\.4 +(shop/web${DIGEST}) +\\1 +\\1$`, 'm'));
    assert.match(output, /^✔ {2}shop\/report +shop\/report:0\.9 +shop\/report:0\.9 +- +shop\/report:0\.9$/m);
    assert.match(output, /^PropagationPolicy shop\/europe +1 +0 +1 +0$/m);
    assert.match(output, /^PropagationPolicy shop\/everywhere +2 +2 +0 +0$/m);
    assert.match(output, /^member1 +2 +2 +0 +0\nmember2 +3 +2 +1 +1$/m);
    assert.match(output, /^Warning NoSignature PropagationPolicy shop\/europe\n {4}1 template .*Deployment shop\/report/m);
    assert.match(output, new RegExp(`^✔  shop/web +(shop/web(${DIGEST})) +\\1 +mirror/shop/web\\2$`, 'm'));
    assert.match(output, new RegExp(`^✔  billing/ledger +(billing/ledger:7${DIGEST}) +\\1 +mirror/billing/ledger:7$`, 'm'));
    assert.match(output, /^Warning DigestDroppedByOverride Deployment billing\/ledger\n[^]*?member2 runs\s+127\.0\.0\.1:\d+\/billing\/ledger:7/m);
    assert.match(output, /^assay_karmada_digests_dropped 1$/m);
    assert.match(output, new RegExp(`^✔  billing/ledger +billing/ledger:7 +(billing/ledger(${DIGEST})) +\\1 +mirror/billing/ledger\\2$`, 'm'));
    assert.match(output, /^billing +True +2\/2 +True +Enforce/m);
    assert.doesNotMatch(output, /✖/);
    assert.match(output, /^Everything came out as it must, in [\d.]+ s\.$/m);
    await nothingIsLeft(run);
  });
});
