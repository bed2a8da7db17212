import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { Server } from 'node:http';
import { AppConfig } from '../config/app-config';

/** For the last answers to go out after the running replies had their time. */
const MARGIN_MS = 3000;

/** A client that is slow to send or to read cannot keep the process from ending. */
@Injectable()
export class ShutdownLimit implements OnModuleDestroy {
  constructor(
    private readonly config: AppConfig,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  onModuleDestroy(): void {
    const server = this.adapterHost.httpAdapter?.getHttpServer() as Server | undefined;
    setTimeout(() => server?.closeAllConnections(), this.config.chat.shutdownGraceMs + MARGIN_MS).unref();
  }
}
