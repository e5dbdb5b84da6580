/** One signature, and whose it is. */
export interface Mark {
  /** One signature; equal for the same one. */
  readonly candidate: string;
  /** One signer: a key or a certificate identity; equal for the same one. */
  readonly signer: string;
  /** The key that made the signature, whether a certificate names its holder or not. */
  readonly key?: string;
}

/** One authority that passed, with who made it pass. */
export interface Pass<Value> extends Mark {
  /** Position of the authority in the policy. */
  readonly authority: number;
  /** Further signatures that it took: whoever made any of them is the same party. */
  readonly also?: readonly Mark[];
  readonly value: Value;
}

/**
 * The largest set of passes in which every authority, every signature and every signer occurs at most once (api.md,
 * `threshold`: distinct by signer): a maximum matching by augmenting paths, because taking the first that fits can
 * miss one that exists. Signers that share a signature or a key count as one: whoever made that signature, or has that key, is both.
 */
export function distinctPasses<Value>(passes: readonly Pass<Value>[]): readonly Pass<Value>[] {
  const party = parties(passes);
  const byAuthority = Map.groupBy(passes, (pass) => pass.authority);
  const takenBy = new Map<string, Pass<Value>>();
  const augment = (authority: number, tried: Set<string>): boolean => {
    for (const pass of byAuthority.get(authority) ?? []) {
      const who = party(pass);
      if (tried.has(who)) continue;
      tried.add(who);
      const holder = takenBy.get(who);
      if (holder !== undefined && !augment(holder.authority, tried)) continue;
      takenBy.set(who, pass);
      return true;
    }
    return false;
  };
  for (const authority of byAuthority.keys()) augment(authority, new Set());
  return [...takenBy.values()].toSorted((one, other) => one.authority - other.authority);
}

/** Which party a pass belongs to: signatures, signers and keys joined where one pass names them together (union-find). */
function parties<Value>(passes: readonly Pass<Value>[]): (pass: Pass<Value>) => string {
  const parent = new Map<string, string>();
  const find = (node: string): string => {
    const above = parent.get(node);
    return above === undefined || above === node ? node : find(above);
  };
  const join = (one: string, other: string): void => {
    if (find(one) !== find(other)) parent.set(find(one), find(other));
  };
  for (const pass of passes) {
    for (const { candidate, signer, key } of [pass, ...(pass.also ?? [])]) {
      join(`candidate ${candidate}`, `signer ${signer}`);
      if (key !== undefined) join(`key ${key}`, `signer ${signer}`);
      join(`signer ${signer}`, `signer ${pass.signer}`);
    }
  }
  return ({ signer }) => find(`signer ${signer}`);
}
