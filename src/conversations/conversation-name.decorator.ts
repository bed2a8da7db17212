import { createParamDecorator, type ExecutionContext, Injectable, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { Request } from 'express';
import { EXAMPLE_IDS } from '../http/openapi/api-properties';
import { documentedParam } from '../http/openapi/documented-param';
import { conversationNotFound, invalidName } from './conversation.errors';
import { NAME_SCHEMA, toConversationName } from './conversation-name';
import { ConversationsService } from './conversations.service';

/** Name of a conversation in a path, and the user whose conversation it is. */
interface NamedInPath {
  userId: string;
  text: string;
  parameter: string;
}

const NamedConversation = createParamDecorator(
  (parameter: string, context: ExecutionContext): NamedInPath => {
    const { userId, params } = context.switchToHttp().getRequest<Request & { userId?: string }>();
    if (userId === undefined) throw new Error('A public route has no current user.');
    return { userId, text: String(params[parameter]), parameter };
  },
);

@Injectable()
class NameToId implements PipeTransform<NamedInPath, Promise<string>> {
  constructor(private readonly conversations: ConversationsService) {}

  async transform({ userId, text, parameter }: NamedInPath): Promise<string> {
    const name = toConversationName(text);
    if (name !== undefined) return this.conversations.idOf(userId, name);
    throw text === '.' || text === '..' ? invalidName(parameter) : conversationNotFound();
  }
}

@Injectable()
class ParseName implements PipeTransform<NamedInPath, string> {
  transform({ text, parameter }: NamedInPath): string {
    const name = toConversationName(text);
    if (name === undefined) throw invalidName(parameter);
    return name;
  }
}

/**
 * Parameter decorator: the id of the conversation that the path names by its id or key.
 * Errors: `conversation_not_found` for a key that no conversation has, or a text that cannot be a name; `validation_failed` for `.` and `..`.
 */
export const ConversationId = (parameter = 'id') =>
  documentedParam(NamedConversation(parameter, NameToId), documentation(parameter));

/**
 * Parameter decorator: the id or key in the path, of a conversation that may not exist yet.
 * Errors: `validation_failed` for a text that cannot be a name.
 */
export const ConversationName = (parameter = 'id') =>
  documentedParam(NamedConversation(parameter, ParseName), documentation(parameter));

const documentation = (name: string) =>
  ApiParam({
    name,
    schema: { ...NAME_SCHEMA },
    example: EXAMPLE_IDS.conversation,
    description: "The conversation: its id, or the client's key for it.",
  });
