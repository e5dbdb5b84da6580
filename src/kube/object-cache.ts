import type { Reflector } from './reflector.ts';
import type { Stored } from './store.ts';

/** The cache of one resource, as controllers and the start of the operator see it: of one that is always there, or of one that may not be. */
export type ObjectCache<T extends Stored> = Pick<
  Reflector<T>,
  'resource' | 'store' | 'hasSynced' | 'problem' | 'lastEventAge' | 'whenSynced' | 'subscribe' | 'start' | 'stop'
>;
