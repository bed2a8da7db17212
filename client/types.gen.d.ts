/** Stands for the file of the same name that `npm run client` generates beside a copy of `stream.ts`. */
export type {
  EditMessageDto as EditMessage,
  ReplyOptionsDto as ReplyOptions,
  SendMessageDto as SendMessage,
  StartChatDto as StartChat,
} from '../src/chat/dto/send-message.dto';
export type { StreamEvent as ReplyEvent } from '../src/replies/events/reply-event.dto';
export type { ProblemBody as Problem } from '../src/errors/problem';
export type { UserEvent } from '../src/user-events/dto/user-event.dto';
