import { type ArgumentMetadata, Injectable, type ValidationError, ValidationPipe } from '@nestjs/common';
import { AppError, type FieldError } from '../errors/app-error';
import { invalidRequest } from './http-errors';
import { checkValue } from './json-value';

const MAX_ERRORS = 100;

/** Checks bodies and queries against their DTO class. Fields that the class does not know are refused, and nothing is converted. */
@Injectable()
export class RequestValidationPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      forbidNonWhitelisted: true,
      forbidUnknownValues: true,
      transform: true,
      validationError: { target: false, value: false },
      exceptionFactory: (errors) => validationFailed(withoutRepetitions(toFieldErrors(errors))),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const noBody = metadata.type === 'body' && value === undefined && !metadata.data;
    if (noBody && !isOptional(metadata))
      throw invalidRequest('body_required', 'The request needs a JSON body.');
    return super.transform(noBody ? {} : gathered(value, metadata), metadata);
  }
}

const PREFIXED_FIELDS = Symbol('prefixed fields');

/** Marks the DTO of a query: parameters `<name>.<key>` are members of its field `name`, which they alone make. Their keys are checked as those of bodies. */
export function PrefixedFields(name: string): ClassDecorator {
  return (dto) => Reflect.defineMetadata(PREFIXED_FIELDS, name, dto);
}

function gathered(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
  const name = type === 'query' && metatype && (Reflect.getMetadata(PREFIXED_FIELDS, metatype) as string);
  if (!name) return value;
  const prefix = `${name}.`;
  const entries = Object.entries(value as Record<string, string>);
  const isMember = ([key]: [string, string]) => key.startsWith(prefix);
  const members = entries.filter(isMember).map(([key, text]) => [key.slice(prefix.length), text]);
  const others = Object.fromEntries(entries.filter((entry) => !isMember(entry)));
  if (!members.length) return others;
  const member: unknown = Object.fromEntries(members);
  checkValue(member, name);
  return { ...others, [name]: member };
}

const OPTIONAL_BODY = Symbol('optional body');

/** Marks a DTO all of whose fields are optional: a request without a body is one with an empty one. */
export function OptionalBody(): ClassDecorator {
  return (dto) => Reflect.defineMetadata(OPTIONAL_BODY, true, dto);
}

function isOptional({ metatype }: ArgumentMetadata): boolean {
  return metatype !== undefined && Reflect.hasMetadata(OPTIONAL_BODY, metatype);
}

/** For rules that a DTO cannot express; the same answer as for those that it can. */
export function validationFailed(errors: FieldError[]): AppError {
  return invalidRequest('validation_failed', 'Some fields are not valid.', errors.slice(0, MAX_ERRORS));
}

function toFieldErrors(errors: ValidationError[], parent = ''): FieldError[] {
  return errors.flatMap((error) => {
    const path = joinPath(parent, error.property);
    const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
      path,
      message: toMessage(rule, message, error),
    }));
    return [...own, ...toFieldErrors(error.children ?? [], path)];
  });
}

/** Several rules may say the same of a field. */
function withoutRepetitions(errors: FieldError[]): FieldError[] {
  return [...new Map(errors.map((error) => [JSON.stringify(error), error])).values()];
}

/** class-validator begins its messages with the property, which is in the path already. */
function toMessage(rule: string, message: string, { property }: ValidationError): string {
  if (rule === 'whitelistValidation') return 'is not a known field';
  return message.startsWith(`${property} `) ? message.slice(property.length + 1) : message;
}

function joinPath(parent: string, property: string): string {
  if (!parent) return property;
  return /^\d+$/.test(property) ? `${parent}[${property}]` : `${parent}.${property}`;
}
