import type { Connection } from '../controlplane/connection.ts';
import { kubectl } from '../controlplane/connection.ts';

/** kubectl as the admin of the demo's control plane. */
export interface Kubectl {
  /** What it printed. Throws with what it complained about. */
  run(args: readonly string[], input?: string): Promise<string>;
  /** The items of a list. */
  list<Item>(...args: readonly string[]): Promise<readonly Item[]>;
}

/** Runs kubectl against `connection`. */
export function kubectlFor(connection: Connection): Kubectl {
  const run = async (args: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await kubectl(connection, args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed (${code}): ${stderr.trim()}`);
    return stdout;
  };
  return {
    run,
    list: async <Item>(...args: readonly string[]) => (JSON.parse(await run(['get', '-o', 'json', ...args])) as { items: Item[] }).items,
  };
}
