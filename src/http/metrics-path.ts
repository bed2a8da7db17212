/** Complete as it is, as Prometheus expects it: no prefix comes before it. */
export const METRICS_PATH = 'metrics';
