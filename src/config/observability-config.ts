import type { MetricsConfig, TracesConfig } from './app-config';
import type { Variables } from './variables';

export function toMetrics({
  METRICS_TOKEN: token,
  METRICS_PORT: port,
  METRICS_HOST: host,
}: Variables): MetricsConfig | undefined {
  return token === undefined && port === undefined ? undefined : { token, port, host };
}

export function toTraces({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  ...values
}: Variables): TracesConfig | undefined {
  if (endpoint === undefined) return undefined;
  return {
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: Object.fromEntries(values.OTEL_EXPORTER_OTLP_HEADERS.map(headerOf)),
    serviceName: values.OTEL_SERVICE_NAME,
    share: Number(values.OTEL_TRACES_SAMPLER_ARG),
  };
}

/** `name=value`, the value as in a URL. */
function headerOf(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
}
