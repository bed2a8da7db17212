import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { PathId } from '../http/path-id.decorator';
import { messageNotFound } from './message.errors';

/** Parameter decorator: the id of a message in the path. */
export const MessageId = (description = 'The message.', of: 'reply' | 'userMessage' = 'reply') =>
  PathId({ example: EXAMPLE_IDS[of], description, notFound: messageNotFound });
