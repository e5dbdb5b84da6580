/**
 * Asks the real cosign about every case of the closed list and writes down what it said: `node test/differential/record.ts COSIGN`, with the
 * path of a cosign 3.1.3. Run it again when a case is added; the tests hold our answers against what is recorded.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AT } from '../support/signatures.ts';
import { startRegistry } from '../support/registry.ts';
import { pushBundle, pushImage, pushLegacySignatures } from '../support/sigstore/push.ts';
import { publicKeyPem } from '../support/sigstore/world.ts';
import { CASES, cosignArguments, REFUSED } from './cases.ts';
import { root } from './cast.ts';

const cosign = process.argv[2];
if (cosign === undefined) throw new Error('say where cosign is: node test/differential/record.ts COSIGN');
const registry = await startRegistry();
const home = mkdtempSync(join(tmpdir(), 'assay-differential-'));
const files = { root: join(home, 'root.json'), key: join(home, 'key.pem') };
writeFileSync(files.root, JSON.stringify(root));
const answers: Record<string, { exit: number; says: string }> = {};
try {
  for (const [index, one] of [...CASES, ...REFUSED].entries()) {
    const image = await pushImage(registry.host, `differential/case-${index}:1`);
    const made = one.make({ digest: image.digest, repository: `${image.host}/${image.repository}` });
    if ('payload' in made) await pushLegacySignatures(image, [made]);
    else await pushBundle(image, made, { at: AT });
    if (one.key !== undefined) writeFileSync(files.key, publicKeyPem(one.key));
    const env = { HOME: home, TUF_ROOT: home, DOCKER_CONFIG: home, PATH: '' };
    const { status, stderr } = spawnSync(cosign, [...cosignArguments(one, files), image.pinned], { env, encoding: 'utf8', timeout: 60_000 });
    const lines = stderr.split('\n').filter((line) => !/^WARNING|^\s*$/.test(line));
    const says = (lines.find((line) => /error/i.test(line)) ?? lines[0] ?? '').replaceAll(image.pinned, 'IMAGE').replaceAll(/127\.0\.0\.1:\d+\/\S+/g, 'IMAGE');
    answers[one.rule] = { exit: status ?? -1, says: says.slice(0, 300) };
    process.stdout.write(`${status} ${one.rule}\n    ${says}\n`);
  }
  writeFileSync(join(import.meta.dirname, 'cosign-answers.json'), `${JSON.stringify(answers, undefined, 2)}\n`);
} finally {
  await registry.stop();
  rmSync(home, { recursive: true });
}
