import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import type { Environment, Options } from '../../../src/app/options.ts';
import { runProgram } from '../../../src/app/program.ts';
import { optionOf, RUN_FLAGS, variableOf } from '../../../src/app/run-flags.ts';

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly ran: Options | undefined;
}

async function assay(argv: readonly string[], env: Environment = {}, failure?: Error): Promise<Ended> {
  let out = '';
  let err = '';
  let ran: Options | undefined;
  const code = await runProgram(argv, {
    env,
    print: (text) => {
      out += text;
    },
    complain: (text) => {
      err += text;
    },
    run: async (options) => {
      ran = options;
      if (failure !== undefined) throw failure;
    },
  });
  return { code, out, err, ran };
}

const CASES: Record<string, () => Promise<void>> = {
  '--version prints the version of package.json and nothing else': async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    assert.deepEqual(await assay(['--version']), { code: 0, out: `${version}\n`, err: '', ran: undefined });
  },
  'run --help names every option, its variable and its default': async () => {
    const { code, out } = await assay(['run', '--help']);
    assert.equal(code, 0);
    const text = out.replaceAll(/\s+/g, ' ');
    for (const [name, flag] of Object.entries<{ default?: string; defaultText?: string }>(RUN_FLAGS)) {
      assert.ok(text.includes(`${optionOf(name)} <`), name);
      assert.ok(text.includes(`env: ${variableOf(name)})`), name);
      const shown = flag.default ?? flag.defaultText;
      assert.ok(shown !== undefined && text.includes(`(default: ${shown};`), `${name}: ${shown}`);
    }
  },
  'run hands over what was read': async () => {
    const { code, ran } = await assay(['run', '--workers=3', '--log-level', 'debug'], { ASSAY_NAMESPACE: 'web' });
    assert.equal(code, 0);
    assert.equal(ran?.workers, 3);
    assert.equal(ran?.logLevel, 'debug');
    assert.equal(ran?.namespace, 'web');
  },
  'an unknown option is one sentence and exit 2, with a proposal where there is one': async () => {
    assert.deepEqual(await assay(['run', '--workres', '3']), {
      code: 2,
      out: '',
      err: "assay: unknown option '--workres' (did you mean --workers?)\n",
      ran: undefined,
    });
  },
  'an option that this build does not act on is unknown': async () => {
    for (const option of ['--leader-elect', '--webhook-bind-address=:9443', '--registry-config-dir=x']) {
      const { code, err, ran } = await assay(['run', option]);
      assert.equal(code, 2);
      assert.match(err, /^assay: unknown option '[^\n]*\n$/);
      assert.equal(ran, undefined);
    }
  },
  'a bad value is one sentence and exit 2, before anything runs': async () => {
    const { code, err, ran } = await assay(['run', '--workers', 'many']);
    assert.equal(code, 2);
    assert.equal(err, 'assay: --workers: "many" is not a whole number from 1 to 256\n');
    assert.equal(ran, undefined);
  },
  'a bad variable is one sentence and exit 2': async () => {
    const { code, err } = await assay(['run'], { ASSAY_LOG_FORMAT: 'xml' });
    assert.equal(code, 2);
    assert.equal(err, 'assay: ASSAY_LOG_FORMAT: "xml" is not one of json, text\n');
  },
  'an option without its value, an argument too many, an unknown command: exit 2': async () => {
    for (const argv of [['run', '--workers'], ['run', 'now'], ['frobnicate']]) {
      const { code, err } = await assay(argv);
      assert.equal(code, 2);
      assert.match(err, /^assay: [^\n]+\n$/);
    }
  },
  'no command at all shows what there is, and is no success': async () => {
    const { code, err } = await assay([]);
    assert.equal(code, 2);
    assert.match(err, /Usage: assay/);
  },
  'a failure is one sentence and exit 1, without a stack': async () => {
    const { code, err } = await assay(['run'], {}, new Error('kubeconfig x\ncannot be read'));
    assert.equal(code, 1);
    assert.equal(err, 'assay: kubeconfig x cannot be read\n');
  },
  'with ASSAY_LOG_LEVEL=debug the stack follows': async () => {
    const { err } = await assay(['run'], { ASSAY_LOG_LEVEL: 'debug' }, new Error('boom'));
    assert.match(err, /^assay: boom\nError: boom\n\s+at /);
  },
};

for (const [sentence, run] of Object.entries(CASES)) test(sentence, run);
