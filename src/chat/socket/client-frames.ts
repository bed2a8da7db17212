import type { Type } from '@nestjs/common';
import { IsBoolean, IsEmpty, IsIn, IsString, IsUUID, ValidateBy } from 'class-validator';
import { IsConversationName } from '../../conversations/conversation-name';
import { MayBeAbsent } from '../../http/may-be-absent';
import { StartChatDto } from '../dto/send-message.dto';

/** The body of `POST /chat`, and its header `Idempotency-Key` and its query `full_text` as fields. */
class ChatFrame extends StartChatDto {
  @MayBeAbsent()
  @IsString()
  idempotency_key?: string;

  @MayBeAbsent()
  @IsBoolean()
  full_text?: boolean;
}

/** Names one reply, or all replies of a conversation. */
class SubjectFrame {
  @MayBeAbsent()
  @IsUUID()
  message_id?: string;

  /** Id or key of the conversation. */
  @MayBeAbsent()
  @IsConversationName()
  conversation_id?: string;
}

class FollowFrame extends SubjectFrame {
  @MayBeAbsent()
  @ValidateBy({
    name: 'isAfter',
    validator: {
      validate: (value: unknown) => typeof value === 'string' || typeof value === 'number',
      defaultMessage: () => 'must be a sequence or the id of an event',
    },
  })
  after?: string | number;

  @MayBeAbsent()
  @IsBoolean()
  full_text?: boolean;
}

/** The query of `GET /events` as fields. */
class SubscribeFrame {
  @MayBeAbsent()
  @IsIn(['chunks'], { message: 'must be chunks' })
  include?: 'chunks';

  @MayBeAbsent()
  @IsString()
  after?: string;

  @MayBeAbsent()
  @IsBoolean()
  full_text?: boolean;
}

/** A frame without fields. It has a rule, since the validator refuses every object of a class without rules. */
class UnsubscribeFrame {
  @IsEmpty()
  nothing?: null;
}

/** Frames that a client may send, by `type`; the class declares the other fields. */
export const CLIENT_FRAMES = {
  chat: ChatFrame,
  stop: SubjectFrame,
  follow: FollowFrame,
  unfollow: SubjectFrame,
  subscribe: SubscribeFrame,
  unsubscribe: UnsubscribeFrame,
} as const satisfies Record<string, Type<object>>;

export type FrameType = keyof typeof CLIENT_FRAMES;
export type Fields<T extends FrameType> = InstanceType<(typeof CLIENT_FRAMES)[T]>;

/** A validated frame. */
export type ClientFrame = { [T in FrameType]: CheckedFrame<T> }[FrameType];

export interface CheckedFrame<T extends FrameType> {
  type: T;
  /** Id by which the client recognises the answers to this frame. */
  requestId?: string;
  fields: Fields<T>;
  /** The fields as they were sent. */
  sent: Readonly<Record<string, unknown>>;
}
