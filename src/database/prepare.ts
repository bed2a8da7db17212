/** The last step of `npm run build`: makes what a first start on the embedded database begins with, unless it is there. */
import { PREPARED_CLUSTERS, preparedCluster } from './prepared-cluster';

async function main(): Promise<void> {
  if (await preparedCluster()) return;
  // Loaded when it is needed: most builds find what an earlier one has made.
  const { makeCluster } = await import('./make-cluster.js');
  await makeCluster(PREPARED_CLUSTERS);
}

void main();
