import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';

const HACK = join(import.meta.dirname, '../../../hack');

function called(command: string, ...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [join(HACK, `${command}.ts`), ...args], { encoding: 'utf8' });
}

for (const command of ['corpus', 'differential', 'fuzz']) {
  describe(command, () => {
    test('says how it is used', () => {
      const { status, stdout } = called(command, '--help');
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`^npm run ${command} -- .+\n$`));
    });

    test('says what is no option of it, without a stack', () => {
      const { status, stderr } = called(command, '--bogus');
      assert.equal(status, 2);
      assert.match(stderr, new RegExp(`^[^\n]*'--bogus'[^\n]*\nnpm run ${command} -- [^\n]+\n$`));
    });
  });
}

test('fuzz names the target that it lacks', () => {
  const { status, stderr } = called('fuzz', '--replay', 'x');
  assert.equal(status, 2);
  assert.equal(stderr, '--replay needs the --target that the input is for\n');
});
