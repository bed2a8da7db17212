import type { LogConfig } from '../../src/config/app-config';
import { loggerParams } from '../../src/logging/logging.module';
import { ProcessIdentity } from '../../src/observability/process-identity';
import { PARAMS_PROVIDER_TOKEN } from 'nestjs-pino';

export interface LogCapture {
  /** As they were written, one JSON object each. */
  lines: string[];
  /** For `createTestApp`. */
  override: { provide: string; useValue: unknown };
}

/** Keeps what the application logs, as it would write it. */
export function captureLogs(level: LogConfig['level']): LogCapture {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const useValue = loggerParams(
    { level, format: 'json', content: false },
    new ProcessIdentity(),
    destination,
  );
  return { lines, override: { provide: PARAMS_PROVIDER_TOKEN, useValue } };
}
