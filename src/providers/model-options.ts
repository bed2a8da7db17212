import { z } from 'zod';
import { STORAGE_BOUNDS } from '../config/bounds';
import { modelOptions } from '../config/models-schema';
import type { FieldError } from '../errors/app-error';
import { validationFailed } from '../http/validation.pipe';
import { isModelName } from './model-names';

/** A context is read from the database for each turn, so users cannot ask for one of any size. */
const { limit: LARGEST_WINDOW } = STORAGE_BOUNDS.ownWindow;

/** What a user may say of one model, as a schema of the API's document. */
export function modelOptionsSchema(): object {
  const { $schema: _, ...schema } = z.toJSONSchema(modelOptions, { io: 'input' });
  return schema;
}

/** @throws {AppError} `validation_failed`, which names each place */
export function assertModelOptions(options: Record<string, unknown> = {}): void {
  const errors = Object.entries(options).flatMap(([name, value]) => problemsOf(name, value));
  const { limit: most } = STORAGE_BOUNDS.modelsOfProvider;
  if (Object.keys(options).length > most) errors.push(at('', `must be of at most ${most} models`));
  const { limit: bytes } = STORAGE_BOUNDS.modelOptions;
  if (Buffer.byteLength(JSON.stringify(options)) > bytes)
    errors.push(at('', `must have at most ${bytes} bytes`));
  if (errors.length > 0) throw validationFailed(errors);
}

function problemsOf(name: string, value: unknown): FieldError[] {
  if (!isModelName(name)) return [at('', 'must have names of models')];
  const result = modelOptions.safeParse(value);
  if (!result.success)
    return result.error.issues.flatMap(({ path, message, ...issue }) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => at([name, ...path, key].join('.'), 'is not known'))
        : [at([name, ...path].join('.'), message.startsWith('must') ? message : 'must have the right type')],
    );
  return (result.data.context_window ?? 0) > LARGEST_WINDOW
    ? [at(`${name}.context_window`, `must be at most ${LARGEST_WINDOW}`)]
    : [];
}

function at(place: string, message: string): FieldError {
  return { path: place ? `model_options.${place}` : 'model_options', message };
}
