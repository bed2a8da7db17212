import { applyDecorators, HttpCode, RequestMapping, RequestMethod, type Type } from '@nestjs/common';
import {
  ApiExtraModels,
  ApiOperation,
  type ApiOperationOptions,
  ApiResponse,
  type ApiResponseNoStatusOptions,
} from '@nestjs/swagger';
import { type ProblemSource, ProblemResponses } from './openapi/problem-responses';
import { pageSchema } from './page';

/*
 * One decorator per kind of route: method, path, status, and what the OpenAPI document says of them. Who may call a route, and how often,
 * is not part of it: that is said by decorators of `auth/` and `limits/`, which stand above it and override its errors of the same status.
 */

export interface RouteDocumentation extends Pick<ApiOperationOptions, 'description' | 'operationId'> {
  summary: string;
  /** The response, with its class as `type` if it has a body. */
  returns: ApiResponseNoStatusOptions;
  /** Errors that are peculiar to this route (`ProblemResponses`). */
  problems?: readonly ProblemSource[];
}

/** The same for kinds of routes all of whose responses are alike. */
type Text = Omit<RouteDocumentation, 'returns'> & { returns?: string };

/** `GET` of a page of a list (`listPage`). */
export function ListRoute(path: string, item: Type, { returns = 'One page of the list.', ...text }: Text) {
  return applyDecorators(
    ApiExtraModels(item),
    route(RequestMethod.GET, path, 200, {
      ...text,
      returns: { description: returns, schema: pageSchema(item) },
    }),
  );
}

/** `GET` of one thing. */
export function ReadRoute(path: string, documentation: RouteDocumentation) {
  return route(RequestMethod.GET, path, 200, documentation);
}

/** `POST` that makes something: 201. */
export function CreateRoute(path: string, documentation: RouteDocumentation) {
  return route(RequestMethod.POST, path, 201, documentation);
}

/** `PATCH`, which leaves what is absent as it is. */
export function UpdateRoute(path: string, documentation: RouteDocumentation) {
  return route(RequestMethod.PATCH, path, 200, documentation);
}

/** `PUT`; does the same as `UpdateRoute` where there is one. */
export function PutRoute(path: string, documentation: RouteDocumentation) {
  return route(RequestMethod.PUT, path, 200, documentation);
}

/** `DELETE`: 204. */
export function DeleteRoute(path: string, { returns = 'It is gone.', ...text }: Text) {
  return route(RequestMethod.DELETE, path, 204, { ...text, returns: { description: returns } });
}

/** `POST` that does something and answers what came of it: 200. */
export function ActionRoute(path: string, documentation: RouteDocumentation) {
  return route(RequestMethod.POST, path, 200, documentation);
}

/** `POST` that does something of which there is nothing to say: 204. */
export function CommandRoute(path: string, documentation: RouteDocumentation) {
  return route(RequestMethod.POST, path, 204, documentation);
}

function route(
  method: RequestMethod,
  path: string,
  status: number,
  { returns, problems = [], ...operation }: RouteDocumentation,
) {
  return applyDecorators(
    ProblemResponses(...problems),
    ApiResponse({ ...returns, status }),
    ApiOperation(operation),
    HttpCode(status),
    RequestMapping({ method, path }),
  );
}
