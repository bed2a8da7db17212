import { Controller, Get, Header, Req } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { IncomingMessage } from 'node:http';
import { Public } from '../auth/public.decorator';
import { AppConfig } from '../config/app-config';
import { AppError } from '../errors/app-error';
import { routeNotFound } from '../http/http-errors';
import { METRICS_PATH } from '../http/metrics-path';
import { hasBearerToken } from '../http/shared-secret';
import { MetricsRegistry } from '../observability/metrics-registry';

/** Without a version: it is part of the exposition format, and Prometheus asks for the newest that both know. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const noMetricsToken = () =>
  new AppError('unauthenticated', 'unauthenticated', 'Metrics are shown to who has METRICS_TOKEN.', {
    headers: { 'WWW-Authenticate': 'Bearer realm="metrics"' },
  });

/** For Prometheus; no part of the API. There only with `METRICS_TOKEN`, and unless they have a port of their own. */
@Public()
@ApiExcludeController()
@Controller(METRICS_PATH)
export class MetricsController {
  constructor(
    private readonly config: AppConfig,
    private readonly metrics: MetricsRegistry,
  ) {}

  @Get()
  @Header('Content-Type', METRICS_TYPE)
  show(@Req() request: IncomingMessage): Promise<string> {
    const { token, port } = this.config.metrics ?? {};
    if (token === undefined || port !== undefined) throw routeNotFound();
    if (!hasBearerToken(request, token)) throw noMetricsToken();
    return this.metrics.text();
  }
}
