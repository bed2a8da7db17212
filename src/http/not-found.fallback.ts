import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { noRouteFor } from './no-route';
import { sendProblem } from './send-problem';

/** Nest answers for unknown routes below its prefix only; outside of it Express would answer with a page of its own. */
@Injectable()
export class NotFoundFallback implements OnApplicationBootstrap {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    this.adapterHost.httpAdapter?.use((request: IncomingMessage, response: ServerResponse) => {
      sendProblem(request, response, noRouteFor(request));
    });
  }
}
