import { ApiProperty } from '@nestjs/swagger';
import { ERROR_CODES, type ErrorCode } from './error-codes';

/** A property that holds an error code; all of them share one enum of the OpenAPI document. */
export const ApiErrorCode = (example: ErrorCode, description: string) =>
  ApiProperty({ enum: ERROR_CODES, enumName: 'ErrorCode', example, description });
