import { moveTag, pushImage, pushIndex, type PushedImage } from '../test/support/sigstore/push.ts';
import type { TestSigner } from '../test/support/sigstore/sign.ts';
import { createWorld, type SignImageOptions, type World } from '../test/support/sigstore/world.ts';

/** An image of the demo: where it is and what a viewer should know of it. */
export interface DemoImage {
  /** `127.0.0.1:port/shop/web:1.4`, as it is written into a Deployment. */
  readonly reference: string;
  readonly digest: `sha256:${string}`;
  /** How it was signed, in a few words. */
  readonly signed: string;
}

/** The parts that the images of the demo play. */
export const DEMO_PARTS = ['web', 'api', 'sidecar', 'migration', 'keyed', 'foreign', 'unsigned', 'moving'] as const;
/** One of {@link DEMO_PARTS}. */
export type DemoPart = (typeof DEMO_PARTS)[number];

/** What the demo needs to write its policies and Deployments. */
export interface DemoImages {
  readonly images: Readonly<Record<DemoPart, DemoImage>>;
  /** Globs for `spec.images`: what the release workflow signs, and what the release key signs. */
  readonly globs: { readonly keyless: string; readonly keyed: string };
  /** The release workflow, for `keyless.identities`. */
  readonly identity: { readonly issuer: string; readonly subject: string; readonly subjectRegExp: string };
  /** The release key, for `key.data`. */
  readonly keyPem: string;
  /** The private Sigstore that certified and logged, for `trustRootRef` or `--trusted-root`. */
  readonly trustedRootJson: string;
  /** Moves the tag of `moving` to an image that nobody signed, as a stolen registry password would. */
  moveTag(): Promise<{ readonly reference: string; readonly from: string; readonly to: string }>;
}

const ISSUER = 'https://token.actions.githubusercontent.com';
const SUBJECT = 'https://github.com/acme/shop/.github/workflows/release.yml@refs/tags/v1.4.0';
const CLAIMS = {
  githubWorkflowTrigger: 'push',
  githubWorkflowName: 'Release',
  githubWorkflowRepository: 'acme/shop',
  githubWorkflowRef: 'refs/tags/v1.4.0',
  runnerEnvironment: 'github-hosted',
  sourceRepositoryURI: 'https://github.com/acme/shop',
};

/**
 * Pushes the demo's images to the registry on loopback and signs them on the spot, now: both formats, both generations
 * of the log, keyless and by a key; takes about a quarter of a second. Throws what the registry refuses.
 */
export async function demoImages(registryHost: string): Promise<DemoImages> {
  const world = createWorld({ name: 'sigstore.acme.example' });
  const key = world.key();
  const images = await pushAll(registryHost, world, key);
  return {
    images,
    globs: { keyless: `${registryHost}/shop/**`, keyed: `${registryHost}/billing/**` },
    identity: {
      issuer: ISSUER,
      subject: SUBJECT,
      subjectRegExp: String.raw`^https://github\.com/acme/[^/]+/\.github/workflows/release\.yml@refs/tags/[^/]+$`,
    },
    keyPem: key.key.pem,
    trustedRootJson: world.trustedRootJson,
    async moveTag() {
      const replacement = await pushImage(registryHost, 'shop/search', { content: 'what nobody released' });
      const { reference, digest } = await moveTag(replacement, 'stable');
      return { reference, from: images.moving.digest, to: digest };
    },
  };
}

/** Who signs what, and how: the table that the demo is about. */
async function pushAll(
  host: string,
  world: World,
  key: TestSigner & { kind: 'key' },
): Promise<Record<DemoPart, DemoImage>> {
  const release = world.keyless({ issuer: ISSUER, subject: SUBJECT, claims: CLAIMS });
  const foreignClaims = { ...CLAIMS, githubWorkflowRepository: 'mallory/shop' };
  const stranger = world.keyless({
    issuer: ISSUER,
    subject: SUBJECT.replace('acme', 'mallory'),
    claims: foreignClaims,
  });
  const by = async (signer: TestSigner, image: Promise<PushedImage>, signed: string, how: SignImageOptions = {}) => {
    const pushed = await image;
    await world.signImage(pushed, signer, how);
    return shown(pushed, signed);
  };
  const push = (name: string) => pushImage(host, name);
  const [web, api, sidecar, migration, keyed, foreign, unsigned, moving] = await Promise.all([
    by(release, pushIndex(host, 'shop/web:1.4'), 'release workflow, bundle, Rekor v2 and timestamp; an index'),
    by(release, push('shop/api:2.1'), 'release workflow, legacy format, Rekor v1', { format: 'legacy' }),
    by(release, push('shop/proxy:3.0'), 'release workflow, bundle, Rekor v1', { log: 'v1' }),
    by(release, push('shop/migrate:2.1'), 'release workflow, bundle, annotated', { annotations: { env: 'prod' } }),
    by(key, push('billing/ledger:7'), 'release key, legacy format, annotated, no log', { format: 'legacy', log: 'none', annotations: { env: 'prod' } }),
    by(stranger, push('shop/coupons:1.0'), 'somebody else: the same workflow in a fork'),
    push('shop/report:0.9').then((image) => shown(image, 'nobody')),
    by(release, push('shop/search:stable'), 'release workflow, bundle, Rekor v2 and timestamp'),
  ]);
  return { web, api, sidecar, migration, keyed, foreign, unsigned, moving };
}

function shown({ reference, digest }: PushedImage, signed: string): DemoImage {
  return { reference, digest, signed };
}
