import assert from 'node:assert/strict';
import test from 'node:test';
import type { Flags } from '../../../src/cli/verify-flags.ts';
import { VERIFY_FLAGS, readFlags } from '../../../src/cli/verify-flags.ts';
import { VerifyError } from '../../../src/cli/verify-error.ts';

function read(args: readonly string[], env: Record<string, string> = {}): Flags & { stderr: string } {
  let stderr = '';
  const flags = readFlags(args, { env, stderr: (text) => (stderr += text) });
  return { ...flags, stderr };
}

const accepted: Readonly<Record<string, { args: string[]; env?: Record<string, string>; gives: Partial<Flags> }>> = {
  'flags may follow the image': { args: ['image', '--key', 'k.pub'], gives: { images: ['image'], text: { key: 'k.pub' } } },
  'several images may be given between flags': { args: ['a', '--key', 'k.pub', 'b'], gives: { images: ['a', 'b'] } },
  'a value may follow after =': { args: ['--key=k.pub', 'a'], gives: { text: { key: 'k.pub' } } },
  'a value may begin with a dash': { args: ['--certificate-identity-regexp', '-x', 'a'], gives: { text: { 'certificate-identity-regexp': '-x' }, images: ['a'] } },
  'the last of several values counts': { args: ['--key', 'a', '--key', 'b'], gives: { text: { key: 'b' } } },
  'a switch is turned off with =false': { args: ['--check-claims=false', 'a'], gives: { switches: { 'check-claims': false }, images: ['a'] } },
  'a switch does not take the next argument': { args: ['--check-claims', 'false'], gives: { switches: { 'check-claims': true }, images: ['false'] } },
  'switches take Go’s words for true': { args: ['--insecure-ignore-tlog=T'], gives: { switches: { 'insecure-ignore-tlog': true } } },
  'annotations are repeated or separated by commas': { args: ['-a', 'a=1,b=2', '--annotations', 'c=3'], gives: { lists: { annotations: ['a=1', 'b=2', 'c=3'] } } },
  'a comma inside of quotes does not separate': { args: ['-a', '"a=1,5",b=2'], gives: { lists: { annotations: ['a=1,5', 'b=2'] } } },
  'a short flag may hold its value': { args: ['-ojson', '-t90s'], gives: { text: { output: 'json', timeout: '90s' } } },
  'after -- everything is an image': { args: ['--', '--key'], gives: { images: ['--key'] } },
  'a COSIGN_ variable stands for a flag that is not given': { args: ['a'], env: { COSIGN_KEY: 'k.pub', COSIGN_CHECK_CLAIMS: 'false' }, gives: { text: { key: 'k.pub' }, switches: { 'check-claims': false } } },
  'a flag wins over its variable': { args: ['--key', 'mine', 'a'], env: { COSIGN_KEY: 'other' }, gives: { text: { key: 'mine' } } },
  'an empty variable is none': { args: ['a'], env: { COSIGN_KEY: '' }, gives: { text: {} } },
  'a flag that is not supported may be off': { args: ['--sk=false', '--certificate-chain=', 'a'], gives: { switches: { sk: false } } },
};
for (const [sentence, { args, env, gives }] of Object.entries(accepted)) {
  test(sentence, () => {
    const flags = read(args, env);
    for (const [name, value] of Object.entries(gives)) {
      if (name === 'images') assert.deepEqual(flags.images, value);
      else for (const [flag, wanted] of Object.entries(value)) assert.deepEqual((flags[name as 'text'] as Record<string, unknown>)[flag], wanted);
    }
    if (gives.text !== undefined && Object.keys(gives.text).length === 0) assert.deepEqual(flags.text, {});
  });
}

const refused: Readonly<Record<string, readonly [string[], RegExp, Record<string, string>?]>> = {
  'an unknown flag is named': [['--kee', 'x'], /^unknown flag: --kee$/],
  'an unknown short flag is named': [['-x'], /^unknown shorthand flag: 'x' in -x$/],
  'a flag without its value is named': [['--key'], /^flag needs an argument: --key$/],
  'a switch with another word is refused as Go does': [['--check-claims=yes'], /^invalid argument "yes" for "--check-claims" flag: strconv\.ParseBool: parsing "yes": invalid syntax$/],
  'a list that is no CSV is refused': [['-a', 'a="b'], /^invalid argument "a=\\"b" for "--annotations" flag/],
  'a variable for a flag that is not supported is not ignored': [['a'], /^--certificate-chain is not supported/, { COSIGN_CERTIFICATE_CHAIN: 'x' }],
};
for (const [sentence, [args, message, env]] of Object.entries(refused)) {
  test(sentence, () => {
    assert.throws(() => read(args, env), (error: unknown) => error instanceof VerifyError && message.test(error.message) && error.code === 'Other');
  });
}

test('every flag that is not supported is refused by its name, with what to use instead', () => {
  const known = Object.entries(VERIFY_FLAGS).filter(([, spec]) => 'instead' in spec);
  assert.ok(known.length > 10);
  for (const [name, spec] of known) {
    const args = spec.kind === 'text' ? [`--${name}`, 'x'] : [`--${name}`];
    assert.throws(() => read(args), (error: unknown) => error instanceof VerifyError && error.message.startsWith(`--${name} is not supported: `) && error.message.length > `--${name} is not supported: `.length + 20);
  }
});

test('a deprecated flag is told in cosign’s words, and only when it is given', () => {
  assert.equal(read(['--new-bundle-format=false']).stderr, 'Flag --new-bundle-format has been deprecated, this will be the only supported format in future versions\n');
  assert.equal(read(['image']).stderr, '');
});
