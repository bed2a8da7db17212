import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { logFailure } from './log-failure';
import { noRouteFor } from './no-route';
import { sendProblem } from './send-problem';
import { toAppError } from './to-app-error';

/** The one place where an exception becomes an answer. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Http');

  catch(exception: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<IncomingMessage>();
    const response = host.switchToHttp().getResponse<ServerResponse>();
    const thrown = toAppError(exception);
    const error = thrown.code === 'route_not_found' ? noRouteFor(request) : thrown;
    logFailure(this.logger, error);
    if (response.headersSent) abandon(response);
    else sendProblem(request, response, error);
  }
}

/** Too late for a status: cut the connection, so that the client does not take a part for the whole. */
function abandon(response: ServerResponse): void {
  if (!response.writableEnded) response.destroy();
}
