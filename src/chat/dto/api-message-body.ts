import { applyDecorators } from '@nestjs/common';
import { ApiBody, ApiExtraModels, ApiProperty, ApiSchema, getSchemaPath, OmitType } from '@nestjs/swagger';
import { EXAMPLE_IDS } from '../../http/openapi/api-properties';
import { CONTENT, SendMessageDto, StartChatDto, SYNONYM } from './send-message.dto';

const TEXTS = ['content', 'message'] as const;

// "Exactly one of `content` and `message`" is a choice of two plain objects: validators check it and generators make types of it.

@ApiSchema({ name: 'SendMessageByContent' })
class SendMessageByContent extends OmitType(SendMessageDto, TEXTS) {
  @ApiProperty(CONTENT)
  content: string;
}

@ApiSchema({ name: 'SendMessageByMessage' })
class SendMessageByMessage extends OmitType(SendMessageDto, TEXTS) {
  @ApiProperty(SYNONYM)
  message: string;
}

@ApiSchema({ name: 'StartChatByContent' })
class StartChatByContent extends OmitType(StartChatDto, TEXTS) {
  @ApiProperty(CONTENT)
  content: string;
}

@ApiSchema({ name: 'StartChatByMessage' })
class StartChatByMessage extends OmitType(StartChatDto, TEXTS) {
  @ApiProperty(SYNONYM)
  message: string;
}

const content = CONTENT.example;
const EXAMPLES = {
  content: { summary: 'A message', value: { content } },
  message: { summary: 'The same by the synonym', value: { message: content } },
  settings: {
    summary: 'Another model and settings for this reply',
    value: { content, model: 'parley-demo', settings: { temperature: 0.2, max_output_tokens: 500 } },
  },
  queue: { summary: 'After the running reply', value: { content, on_busy: 'queue' } },
  branch: { summary: 'After an earlier reply', value: { content, parent_id: EXAMPLE_IDS.reply } },
};

/** Documents the body that is posted to a conversation. */
export const ApiSendMessageBody = () => apiBody('SendMessage', SendMessageByContent, SendMessageByMessage);

/** Documents the body of a message that names its conversation, or starts a new one. */
export const ApiStartChatBody = () =>
  apiBody('StartChat', StartChatByContent, StartChatByMessage, {
    conversation: {
      summary: 'In a conversation',
      value: { content, conversation_id: EXAMPLE_IDS.conversation },
    },
  });

function apiBody(
  title: string,
  byContent: typeof SendMessageByContent,
  byMessage: typeof SendMessageByMessage,
  examples = {},
) {
  const oneOf = [byContent, byMessage].map((body) => ({ $ref: getSchemaPath(body) }));
  return applyDecorators(
    ApiExtraModels(byContent, byMessage),
    ApiBody({
      required: true,
      schema: { title, description: 'Exactly one of `content` and `message`.', oneOf },
      examples: { ...EXAMPLES, ...examples },
    }),
  );
}
