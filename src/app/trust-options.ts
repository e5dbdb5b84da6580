import { proxyOf, type ProxyVariables } from '../trust/environment.ts';
import { PUBLIC_GOOD_MIRROR } from '../trust/public-good.ts';
import { BadValue } from './values.ts';

/** Where the operator's own trust root comes from. */
export interface TrustOptions {
  /** Path of a `trusted_root.json`; then nothing is refreshed. */
  readonly file?: string;
  /** Absent: nothing is refreshed. */
  readonly tuf?: TufOptions;
}

/** Refreshing by TUF. Times in milliseconds. */
export interface TufOptions {
  readonly mirror: string;
  /** Path of the first root metadata; absent: the repository is that of the public-good instance, or a mirror of it. */
  readonly root?: string;
  /** Absent: a temporary folder. */
  readonly cache?: string;
  /** Absent: a trust root of any age counts. */
  readonly maxAge?: number;
  readonly proxy: ProxyVariables;
}

/** What was given, by flag. */
export interface TrustValues {
  readonly trustedRoot?: string;
  readonly tufMirror?: { readonly url: string | undefined };
  readonly tufRoot?: string;
  readonly tufCache?: string;
  readonly maxTrustAge?: { readonly milliseconds: number | undefined };
}

/** What belongs together, and nothing that would have no effect. Throws {@link BadValue} whose message begins with the option. */
export function trustOptionsOf(values: TrustValues, env: Readonly<Record<string, string | undefined>>): TrustOptions {
  const { trustedRoot: file, tufMirror, tufRoot: root, tufCache: cache, maxTrustAge: { milliseconds: maxAge } = { milliseconds: undefined } } = values;
  const mirror = tufMirror === undefined && file === undefined ? PUBLIC_GOOD_MIRROR : tufMirror?.url;
  if (mirror === undefined) {
    const given = Object.entries({ '--tuf-root': root, '--tuf-cache': cache, '--max-trust-age': maxAge }).find(([, value]) => value !== undefined);
    const why = file === undefined ? '--tuf-mirror=0 turns refreshing off' : 'the file of --trusted-root is not refreshed';
    if (given !== undefined) throw new BadValue(`${given[0]}: it has no effect, because ${why}`);
    return file === undefined ? {} : { file };
  }
  if (file !== undefined) throw new BadValue('--tuf-mirror: it excludes --trusted-root, whose file is not refreshed');
  if (root !== undefined && tufMirror === undefined) throw new BadValue('--tuf-root: it needs --tuf-mirror, the repository that it is the root of');
  return {
    tuf: {
      mirror,
      proxy: proxyOf(env),
      ...(root === undefined ? {} : { root }),
      ...(cache === undefined ? {} : { cache }),
      ...(maxAge === undefined ? {} : { maxAge }),
    },
  };
}
