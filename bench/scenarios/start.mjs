import { newStorage, start } from '../candidates.mjs';
import { SERVICES } from './scenario.mjs';

/** @param {boolean} warm @returns {import('./scenario.mjs').Scenario} */
function startScenario(warm) {
  return {
    name: warm ? 'start-warm' : 'start-cold',
    title: warm
      ? 'time to ready, warm: over data of an earlier start'
      : 'time to ready, cold: an empty database',
    unit: 'ms',
    servers: SERVICES,
    compare: 'value',
    async measure(bench, candidate) {
      const storage = await newStorage(candidate, bench);
      let server = await start(candidate, bench, storage);
      if (warm) {
        await server.stop();
        server = await start(candidate, bench, storage);
      }
      await server.stop();
      storage.remove();
      return { value: server.readyMs };
    },
  };
}

export const coldStart = startScenario(false);
export const warmStart = startScenario(true);
