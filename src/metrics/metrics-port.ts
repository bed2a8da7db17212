import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppConfig } from '../config/app-config';
import { HTTP_BOUNDS } from '../config/bounds';
import { ConfigError } from '../config/config-error';
import { METRICS_PATH } from '../http/metrics-path';
import { hasBearerToken } from '../http/shared-secret';
import { METRICS_TYPE } from './metrics.controller';
import { MetricsRegistry } from '../observability/metrics-registry';

/** Metrics on a port of their own (`METRICS_PORT`), where the API's cannot be reached by whoever collects them. It answers nothing else. */
@Injectable()
export class MetricsPort implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('Metrics');
  private server: Server | undefined;

  constructor(
    private readonly config: AppConfig,
    private readonly metrics: MetricsRegistry,
  ) {}

  /** @throws {ConfigError} if the port cannot be had */
  async onApplicationBootstrap(): Promise<void> {
    const { port, host } = this.config.metrics ?? {};
    if (port === undefined) return;
    const server = createServer((request, response) => void this.answer(request, response));
    server.maxConnections = HTTP_BOUNDS.metricsConnections.limit;
    server.requestTimeout = HTTP_BOUNDS.metricsRequest.limit;
    server.headersTimeout = HTTP_BOUNDS.metricsRequest.limit;
    server.listen({ port, host });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new ConfigError([`METRICS_PORT or METRICS_HOST: ${(error as Error).message}`]);
    }
    this.server = server;
    this.logger.log(`Metrics are at ${this.url}`);
  }

  /** Undefined where they have no port of their own. */
  get url(): string | undefined {
    if (!this.server) return undefined;
    const { address, port, family } = this.server.address() as AddressInfo;
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/${METRICS_PATH}`;
  }

  async onApplicationShutdown(): Promise<void> {
    if (!this.server) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { token } = this.config.metrics ?? {};
    if (request.url !== `/${METRICS_PATH}` || request.method !== 'GET') return end(response, 404);
    if (token !== undefined && !hasBearerToken(request, token)) return end(response, 401);
    try {
      const text = await this.metrics.text();
      response.writeHead(200, { 'Content-Type': METRICS_TYPE, 'Cache-Control': 'no-store' }).end(text);
    } catch (err) {
      this.logger.error({ err }, 'The metrics could not be read');
      end(response, 500);
    }
  }
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'X-Content-Type-Options': 'nosniff', Connection: 'close' }).end();
}
