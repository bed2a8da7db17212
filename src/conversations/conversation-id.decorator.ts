import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { PathId } from '../http/path-id.decorator';
import { conversationNotFound } from './conversation.errors';

/** Parameter decorator: the id of a conversation in the path. */
export const ConversationId = (name = 'id') =>
  PathId({
    name,
    example: EXAMPLE_IDS.conversation,
    description: 'The conversation.',
    notFound: conversationNotFound,
  });
