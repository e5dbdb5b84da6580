import type { Reason } from '../../src/api/reasons.ts';
import type { DemoPart } from '../demo-images.ts';

/** One container of a Deployment of the demo, and the image that it runs. */
export interface CastContainer {
  readonly name: string;
  readonly part: DemoPart;
  readonly init?: boolean;
}

/** One Deployment of the demo, and what must become of it. */
export interface CastMember {
  readonly namespace: 'shop' | 'billing';
  readonly name: string;
  /** What is special about it, for whoever watches. */
  readonly what: string;
  readonly containers: readonly CastContainer[];
  /** `pinned`, or why the workload is left as it is. */
  readonly expected: 'pinned' | Reason;
}

/** Every Deployment of the demo, in the order in which they are shown. */
export const CAST: readonly CastMember[] = [
  { namespace: 'shop', name: 'web', what: 'signed by the release workflow', containers: [{ name: 'web', part: 'web' }], expected: 'pinned' },
  {
    namespace: 'shop',
    name: 'checkout',
    what: 'an init container and two containers, all signed',
    containers: [
      { name: 'migrate', part: 'migration', init: true },
      { name: 'api', part: 'api' },
      { name: 'proxy', part: 'sidecar' },
    ],
    expected: 'pinned',
  },
  { namespace: 'shop', name: 'search', what: 'signed; its tag moves later', containers: [{ name: 'search', part: 'moving' }], expected: 'pinned' },
  { namespace: 'billing', name: 'ledger', what: 'signed with the release key', containers: [{ name: 'ledger', part: 'keyed' }], expected: 'pinned' },
  { namespace: 'shop', name: 'coupons', what: 'signed by a fork of the workflow', containers: [{ name: 'coupons', part: 'foreign' }], expected: 'IdentityMismatch' },
  { namespace: 'shop', name: 'report', what: 'signed by nobody', containers: [{ name: 'report', part: 'unsigned' }], expected: 'NoSignature' },
  {
    namespace: 'shop',
    name: 'dashboard',
    what: 'one container signed, one not',
    containers: [
      { name: 'web', part: 'web' },
      { name: 'report', part: 'unsigned' },
    ],
    expected: 'NoSignature',
  },
];

/** The Deployment that names the tag after it was moved to an image that nobody signed. */
export const LATECOMER: CastMember = {
  namespace: 'shop',
  name: 'search-canary',
  what: 'names the tag after it moved',
  containers: [{ name: 'search', part: 'moving' }],
  expected: 'NoSignature',
};
