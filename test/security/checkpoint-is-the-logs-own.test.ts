import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prove } from '../../src/signatures/prove.ts';
import { asking, bundle, refused, release, trusting, world } from '../support/signatures.ts';
import { checkpointOf } from '../support/sigstore/log.ts';
import type { Log, LogEntry } from '../support/sigstore/log.ts';

/*
 * The stock library takes a checkpoint whose signature's name is any part of the log's address, and never compares the origin. Fields of the proof
 * that nobody signs (tree size, root hash, index) must not be believed.
 */

function signedAs(change: Partial<Log>): (entry: LogEntry) => LogEntry {
  return (entry) => ({ ...entry, proof: { ...entry.proof, checkpoint: checkpointOf({ ...world.rekorV2, ...change }, entry.proof.treeSize, entry.proof.rootHash) } });
}

function checkpointed(edit: (checkpoint: string) => string): (entry: LogEntry) => LogEntry {
  return (entry) => ({ ...entry, proof: { ...entry.proof, checkpoint: edit(entry.proof.checkpoint) } });
}

test('a checkpoint of Rekor v2 in the name of a part of the log’s host is not its own', () => {
  refused(bundle(release, { entry: signedAs({ host: 'rekor', origin: world.rekorV2.origin }) }), asking(), 'NotLogged', /is not signed by the log/);
});

test('a checkpoint of Rekor v2 for another origin is not its own', () => {
  refused(bundle(release, { entry: signedAs({ origin: 'other.example' }) }), asking(), 'NotLogged', /"other\.example" is not signed by the log/);
});

test('a Rekor v2 log that is trusted under another address is another log', () => {
  const root = world.trustedRoot();
  const moved = { ...root, tlogs: root.tlogs.map((log) => ({ ...log, baseUrl: `https://x.${new URL(log.baseUrl).hostname}` })) };
  refused(bundle(release), asking({ trust: trusting(moved) }), 'NotLogged', /is not signed by the log/);
});

test('signatures of witnesses beside the log’s own do no harm in Rekor v2, and are no Rekor v1’s', () => {
  const witnessed = checkpointed((checkpoint) => `${checkpoint}\u2014 witness.example ${Buffer.alloc(68).toString('base64')}\n`);
  assert.ok(prove(bundle(release, { entry: witnessed }), asking()).logged);
  refused(bundle(release, { log: 'v1', entry: witnessed }), asking(), 'NotLogged', /is not signed by the log/);
});

test('a checkpoint that is signed by witnesses alone proves nothing', () => {
  const alone = checkpointed((checkpoint) => `${checkpoint.slice(0, checkpoint.indexOf('\n\n') + 2)}\u2014 witness.example ${Buffer.alloc(68).toString('base64')}\n`);
  refused(bundle(release, { entry: alone }), asking(), 'NotLogged');
});

test('a size and a root hash beside the checkpoint’s own are not looked at', () => {
  const bent = bundle(release, { entry: (entry) => ({ ...entry, proof: { ...entry.proof, treeSize: 9999, rootHash: Buffer.alloc(32) } }) });
  assert.ok(prove(bent, asking()).logged);
});

test('a time that no log and no authority signed is no time', () => {
  const claimed = bundle(release, { timestamp: false, entry: (entry) => ({ ...entry, integratedTime: Math.floor(world.now() / 1000) }) });
  refused(claimed, asking(), 'TimestampInvalid', /attests when/);
});
