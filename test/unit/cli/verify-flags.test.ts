import assert from 'node:assert/strict';
import test from 'node:test';
import type { Flags } from '../../../src/cli/verify-flags.ts';
import { COMMANDS, readFlags } from '../../../src/cli/verify-flags.ts';
import type { FlagSpec } from '../../../src/cli/pflag.ts';
import { VerifyError } from '../../../src/cli/verify-error.ts';

/** Of both commands: `cosign verify --help` and the deprecated ones that it hides (cmd/cosign/cli/options, 3.1.3). */
const SHARED = `allow-certificate-chain allow-http-registry allow-insecure-registry attachment-tag-prefix ca-intermediates ca-roots certificate certificate-chain
  certificate-github-workflow-name certificate-github-workflow-ref certificate-github-workflow-repository certificate-github-workflow-sha
  certificate-github-workflow-trigger certificate-identity certificate-identity-regexp certificate-oidc-issuer certificate-oidc-issuer-regexp check-claims
  experimental-oci11 insecure-ignore-sct insecure-ignore-tlog k8s-keychain key local-image max-workers new-bundle-format offline output output-file
  private-infrastructure registry-cacert registry-client-cert registry-client-key registry-password registry-server-name registry-token registry-username
  rekor-url sct signature-digest-algorithm sk slot timeout timestamp-certificate-chain trusted-root use-signed-timestamps verbose`.split(/\s+/);
const OWN = { verify: ['annotations', 'attachment', 'payload', 'signature'], 'verify-attestation': ['policy', 'type'] } as const;

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
  'the last of several values counts': { args: ['--key', 'a', '--key', 'b', 'image'], gives: { text: { key: 'b' } } },
  'a switch is turned off with =false': { args: ['--check-claims=false', 'a'], gives: { switches: { 'check-claims': false }, images: ['a'] } },
  'a switch does not take the next argument': { args: ['--check-claims', 'false'], gives: { switches: { 'check-claims': true }, images: ['false'] } },
  'switches take Go’s words for true': { args: ['--insecure-ignore-tlog=T', 'image'], gives: { switches: { 'insecure-ignore-tlog': true } } },
  'annotations are repeated or separated by commas': { args: ['-a', 'a=1,b=2', '--annotations', 'c=3', 'image'], gives: { lists: { annotations: ['a=1', 'b=2', 'c=3'] } } },
  'a comma inside of quotes does not separate': { args: ['-a', '"a=1,5",b=2', 'image'], gives: { lists: { annotations: ['a=1,5', 'b=2'] } } },
  'a short flag may hold its value': { args: ['-ojson', '-t90s', 'image'], gives: { text: { output: 'json', timeout: '90s' } } },
  'after -- everything is an image': { args: ['--', '--key'], gives: { images: ['--key'] } },
  'a COSIGN_ variable stands for a flag that is not given': { args: ['a'], env: { COSIGN_KEY: 'k.pub', COSIGN_CHECK_CLAIMS: 'false' }, gives: { text: { key: 'k.pub' }, switches: { 'check-claims': false } } },
  'a flag wins over its variable': { args: ['--key', 'mine', 'a'], env: { COSIGN_KEY: 'other' }, gives: { text: { key: 'mine' } } },
  'an empty variable is none': { args: ['a'], env: { COSIGN_KEY: '' }, gives: { text: {} } },
  'a short flag may have its value after =': { args: ['-a=x=1', '-o=text', 'image'], gives: { lists: { annotations: ['x=1'] }, text: { output: 'text' } } },
  'short flags may be written together': { args: ['-dojson', 'image'], gives: { switches: { verbose: true }, text: { output: 'json' } } },
  'cosign’s older form of long flags is taken': { args: ['-key', 'k.pub', '-check-claims=false', 'image'], gives: { text: { key: 'k.pub' }, switches: { 'check-claims': false } } },
  'a variable that cannot be read is passed over, as cosign does': { args: ['a'], env: { COSIGN_MAX_WORKERS: 'many', COSIGN_CHECK_CLAIMS: 'maybe' }, gives: { text: {}, switches: { 'check-claims': undefined as unknown as boolean } } },
  'a flag that is not supported may be off': { args: ['--sk=false', '--rekor-url=', 'a'], gives: { switches: { sk: false } } },
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
  'a list that is no CSV is refused': [['-a', 'a="b'], /^invalid argument "a=\\"b" for "-a, --annotations" flag: parse error on line 1, column 3: bare " in non-quoted-field$/],
  'a variable for a flag that is not supported is not ignored': [['a'], /^--sct is not supported/, { COSIGN_SCT: 'x' }],
};
for (const [sentence, [args, message, env]] of Object.entries(refused)) {
  test(sentence, () => {
    assert.throws(() => read(args, env), (error: unknown) => error instanceof VerifyError && message.test(error.message) && error.code === 'Other');
  });
}

for (const command of ['verify', 'verify-attestation'] as const) {
  test(`every flag of ${command} that is not supported is refused by its name, with what to use instead`, () => {
    const table: Readonly<Record<string, FlagSpec>> = COMMANDS[command];
    const known = Object.entries(table).filter(([, { instead }]) => instead !== undefined);
    assert.ok(known.length >= 6);
    for (const [name, { kind }] of known) {
      const args = kind === 'switch' ? [`--${name}`, 'image'] : [`--${name}`, 'x', 'image'];
      const begin = `--${name} is not supported: `;
      const isNamed = (error: unknown): boolean => error instanceof VerifyError && error.message.startsWith(begin) && error.message.length > begin.length + 20;
      assert.throws(() => readFlags(args, { env: {}, stderr: () => undefined }, command), isNamed);
    }
  });

  test(`the flags of ${command} are those of cosign, and --strict`, () => {
    assert.deepEqual(Object.keys(COMMANDS[command]).toSorted(), [...SHARED, ...OWN[command], 'strict'].toSorted());
  });
}

test('flags that exclude each other are refused in cobra’s words', () => {
  const message = 'if any flags in the group [ca-roots certificate-chain] are set none of the others can be; [ca-roots certificate-chain] were all set';
  assert.throws(() => read(['--ca-roots', 'a', '--certificate-chain', 'b', 'image']), { message });
});

test('a deprecated flag is told in cosign’s words, and only when it is given', () => {
  const deprecated = 'Flag --new-bundle-format has been deprecated, this will be the only supported format in future versions\n';
  assert.equal(read(['--new-bundle-format=false', 'image']).stderr, deprecated);
  assert.equal(read(['image'], { COSIGN_NEW_BUNDLE_FORMAT: 'false' }).stderr, deprecated);
  assert.equal(read(['image']).stderr, '');
  assert.match(read(['-key', 'k', 'image']).stderr, /^WARNING: the -key flag is deprecated .* Please use the --key flag instead\.\n$/);
});

test('help wins over what else is wrong, as it comes first', () => {
  for (const args of [['--help'], ['-h'], ['--key', 'k', '--help', '--nope']]) assert.equal(read(args).help, true);
});
