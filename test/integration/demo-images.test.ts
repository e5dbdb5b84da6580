import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, test } from 'node:test';
import { DEMO_PARTS, demoImages, type DemoPart } from '../../hack/demo-images.ts';
import { startRegistry } from '../support/registry.ts';
import { stockVerify, stockVerifyLegacy } from '../support/sigstore/stock.ts';

interface Manifest {
  readonly layers: readonly { readonly digest: string; readonly annotations: Record<string, string> }[];
  readonly manifests: readonly { readonly digest: string }[];
}

const ACCEPT = 'application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json';
const { host } = await startRegistry();
const demo = await demoImages(host);

async function get(path: string): Promise<Response> {
  return fetch(`http://${host}/v2/${path}`, { headers: { accept: ACCEPT } });
}

/** Who signed the image, as far as the stock verifier proves it; undefined where there is no signature. */
async function signerOf(part: DemoPart): Promise<string | undefined> {
  const { reference, digest } = demo.images[part];
  const repository = reference.slice(host.length + 1).replace(/:[^:]*$/, '');
  const legacy = await get(`${repository}/manifests/${digest.replace(':', '-')}.sig`);
  if (legacy.status === 200) {
    const [layer] = ((await legacy.json()) as Manifest).layers;
    const payload = Buffer.from(await (await get(`${repository}/blobs/${layer?.digest}`)).arrayBuffer());
    assert.match(payload.toString(), new RegExp(digest));
    const signature = { payload, annotations: layer?.annotations ?? {} };
    if (signature.annotations['dev.sigstore.cosign/certificate'] !== undefined) {
      return stockVerifyLegacy(demo.trustedRootJson, signature).identity?.subjectAlternativeName;
    }
    const key = createPublicKey(demo.keyPem);
    stockVerifyLegacy(demo.trustedRootJson, signature, { key, tlogThreshold: 0, timestampThreshold: 0 });
    return 'the key';
  }
  const { manifests } = (await (await get(`${repository}/referrers/${digest}`)).json()) as Manifest;
  if (manifests.length === 0) return undefined;
  const { layers } = (await (await get(`${repository}/manifests/${manifests[0]?.digest}`)).json()) as Manifest;
  const bundle: unknown = await (await get(`${repository}/blobs/${layers[0]?.digest}`)).json();
  return stockVerify(demo.trustedRootJson, bundle).identity?.subjectAlternativeName;
}

describe('the images of the demo', () => {
  const signers: Record<DemoPart, (signer: string | undefined) => boolean> = {
    web: isRelease,
    api: isRelease,
    sidecar: isRelease,
    migration: isRelease,
    moving: isRelease,
    keyed: (signer) => signer === 'the key',
    foreign: (signer) => signer !== undefined && signer.includes('/mallory/') && !isRelease(signer),
    unsigned: (signer) => signer === undefined,
  };
  for (const part of DEMO_PARTS) {
    test(`${part} is there by its tag and signed by whom it should be`, async () => {
      const { reference, digest } = demo.images[part];
      const [, repository = '', tag = ''] = /^[^/]+\/(.+):(.+)$/.exec(reference) ?? [];
      assert.equal((await get(`${repository}/manifests/${tag}`)).headers.get('docker-content-digest'), digest);
      assert.ok(signers[part](await signerOf(part)), part);
      const glob = part === 'keyed' ? demo.globs.keyed : demo.globs.keyless;
      assert.ok(reference.startsWith(glob.replace('**', '')));
    });
  }

  test('lose their tag to an image that nobody signed, and keep the one that was signed', async () => {
    const moved = await demo.moveTag();
    assert.equal(moved.reference, demo.images.moving.reference);
    assert.equal((await get('shop/search/manifests/stable')).headers.get('docker-content-digest'), moved.to);
    assert.equal((await get(`shop/search/manifests/${moved.from}`)).status, 200);
    assert.deepEqual(((await (await get(`shop/search/referrers/${moved.to}`)).json()) as Manifest).manifests, []);
  });
});

function isRelease(signer: string | undefined): boolean {
  return signer === demo.identity.subject && new RegExp(demo.identity.subjectRegExp).test(signer);
}
