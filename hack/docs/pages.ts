import { CRD_FILES, readCrd } from '../generate/crd.ts';
import { apiPage } from './api-page.ts';
import { cliPage } from './cli-page.ts';
import { kindsPage } from './kinds-page.ts';
import { metricsPage } from './metrics-page.ts';

/** The text of each page that is made from the program, by its path in the repository. */
export function pages(root: string): Readonly<Record<string, string>> {
  const [cluster, namespaced] = CRD_FILES.map((file) => readCrd(root, file));
  if (cluster === undefined || namespaced === undefined) throw new Error('there are two kinds');
  return {
    'docs/reference/api.md': apiPage(cluster, namespaced),
    'docs/reference/cli.md': cliPage(),
    'docs/reference/kinds.md': kindsPage(),
    'docs/reference/metrics.md': metricsPage(),
  };
}
