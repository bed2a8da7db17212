import { ValidateBy, type ValidationOptions } from 'class-validator';
import { ApiProperty } from '@nestjs/swagger';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { isCanonicalUuid } from '../http/parse-id.pipe';

/*
 * A conversation is named by its id, which is a UUID of ours, or by a key that its client gave it. No key has the form of an id, and `.`
 * and `..` are no keys, since clients remove them from URLs.
 */

const MAX_KEY = 128;
const KEY = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,128}$/;
const NAME = {
  type: 'string',
  minLength: 1,
  maxLength: MAX_KEY,
  pattern: '^[A-Za-z0-9._~-]{1,128}$',
} as const;
const RULE = 'must be 1 to 128 of A-Z a-z 0-9 . _ ~ -, and neither . nor ..';

export function isConversationKey(text: unknown): text is string {
  return typeof text === 'string' && KEY.test(text) && !isCanonicalUuid(text);
}

/** Name by which a conversation is looked up: an id in lower case, or a key; undefined for a text that can be neither. */
export function toConversationName(text: unknown): string | undefined {
  if (isCanonicalUuid(text)) return text.toLowerCase();
  return isConversationKey(text) ? text : undefined;
}

/** Error message for a text that cannot be a name, where it could become the key of a new conversation. */
export const INVALID_NAME = RULE;

/** Property decorator: the id or key of a conversation. */
export const IsConversationName = (options?: ValidationOptions) =>
  ValidateBy(
    {
      name: 'isConversationName',
      validator: {
        validate: (value: unknown) => toConversationName(value) !== undefined,
        defaultMessage: () => `${RULE}, or an id`,
      },
    },
    options,
  );

/** Property decorator: a key for a new conversation. */
export const IsConversationKey = () =>
  ValidateBy({
    name: 'isConversationKey',
    validator: {
      validate: isConversationKey,
      defaultMessage: () => `${RULE}, and not in the form of a UUID`,
    },
  });

/** Documents the id or key of a conversation in a body or query. */
export const ApiConversationName = (description: string) =>
  ApiProperty({ ...NAME, required: false, example: EXAMPLE_IDS.conversation, description });

/** Schema of a key. */
export const KEY_SCHEMA = { ...NAME, example: 'test-session' } as const;

/** Schema of the id or key of a conversation in a path or a list. */
export const NAME_SCHEMA = NAME;
