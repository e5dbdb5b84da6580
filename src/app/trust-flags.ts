import { isOff, mirrorOf } from '../trust/environment.ts';
import { flag } from './flag.ts';
import { BadValue, readDuration, readText } from './values.ts';

/** Wrapped, because "turned off" is a value too. */
interface Mirror {
  readonly url: string | undefined;
}

interface Age {
  readonly milliseconds: number | undefined;
}

const AGE = { min: 3_600_000, max: 10 * 365 * 24 * 3_600_000 };

/** Options of `assay run` on how its trust root is kept up to date. */
export const TRUST_FLAGS = {
  tufMirror: flag({
    value: 'URL',
    help: 'TUF repository that the trust root is refreshed from, in the background every few hours; 0 turns it off',
    defaultText: 'the public-good instance; off with --trusted-root',
    read: readMirror,
  }),
  tufRoot: flag({
    value: 'FILE',
    help: "root.json with which trust in --tuf-mirror begins, where that is not a mirror of the public-good instance",
    defaultText: 'that of the public-good instance, as of this build',
    read: readText,
  }),
  tufCache: flag({
    value: 'DIR',
    help: 'folder in which the refreshed trust root is kept, so that it is there after a restart; nobody else may write there',
    defaultText: 'a temporary one',
    read: readText,
  }),
  maxTrustAge: flag({
    value: 'DURATION',
    help: 'judge nothing by a trust root that was last refreshed longer ago (TrustRootExpired); 0 turns it off',
    default: '0',
    read: readAge,
  }),
};

function readMirror(text: string): Mirror {
  if (isOff(text)) return { url: undefined };
  const url = mirrorOf(text);
  if (url === undefined) throw new BadValue(`"${text}" is not the https or http URL of a TUF repository, and not 0`);
  return { url };
}

function readAge(text: string): Age {
  return { milliseconds: text === '0' ? undefined : readDuration(text, AGE) };
}
