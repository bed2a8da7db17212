import { Param } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { AppError } from '../errors/app-error';
import { documentedParam } from './openapi/documented-param';
import { ParseId } from './parse-id.pipe';

export interface PathIdOptions {
  /** Of the parameter in the path; `id` unless given. */
  name?: string;
  example: string;
  /** What has this id. */
  description: string;
  /** The error for anything that is no UUID: the same as for an unknown id. */
  notFound: () => AppError;
}

/** Parameter decorator: a UUID in the path, parsed and documented. */
export function PathId({ name = 'id', example, description, notFound }: PathIdOptions): ParameterDecorator {
  return documentedParam(
    Param(name, new ParseId(notFound)),
    ApiParam({ name, format: 'uuid', example, description }),
  );
}
