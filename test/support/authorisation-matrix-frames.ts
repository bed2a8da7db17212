import { getMetadataStorage } from 'class-validator';
import { CLIENT_FRAMES, type FrameType } from '../../src/chat/socket/client-frames';
import type { IdKind } from './authorisation-matrix-rows';

/** One way to use a type of frame. */
export interface FrameCase {
  type: FrameType;
  /** Which field is the id of what. */
  ids: Readonly<Record<string, IdKind>>;
  /** The other fields. */
  more?: object;
  /** The type of the first frame that the owner is sent; an error's code behind it. */
  owner: string;
  /** What an id that does not exist, or is somebody else's, is answered: a code, or another type of frame. */
  missing: Readonly<Record<string, string>>;
}

const HELLO = { content: 'Hello there.' };
const CONVERSATION = { conversation_id: 'conversation' } as const;
const NO_CONVERSATION = { conversation_id: 'error conversation_not_found' };
const NO_MESSAGE = { message_id: 'error message_not_found' };
const NO_EVENT = { after: 'error invalid_last_event_id' };

/** How to use every type of frame with every id that it takes. */
export const FRAME_CASES: readonly FrameCase[] = [
  { type: 'chat', ids: CONVERSATION, more: HELLO, owner: 'start', missing: NO_CONVERSATION },
  {
    type: 'chat',
    ids: { ...CONVERSATION, parent_id: 'reply' },
    more: HELLO,
    owner: 'start',
    missing: { ...NO_CONVERSATION, parent_id: 'error message_not_found' },
  },
  { type: 'stop', ids: CONVERSATION, owner: 'stopped', missing: NO_CONVERSATION },
  { type: 'stop', ids: { message_id: 'reply' }, owner: 'stopped', missing: NO_MESSAGE },
  { type: 'follow', ids: { message_id: 'reply' }, owner: 'start', missing: NO_MESSAGE },
  {
    type: 'follow',
    ids: { message_id: 'reply', after: 'event' },
    owner: 'chunk',
    missing: { ...NO_MESSAGE, ...NO_EVENT },
  },
  {
    type: 'follow',
    ids: { ...CONVERSATION, after: 'event' },
    owner: 'chunk',
    missing: { ...NO_CONVERSATION, ...NO_EVENT },
  },
  // Whatever the id is: nothing is looked up, and nothing of it is read afterwards.
  {
    type: 'unfollow',
    ids: { message_id: 'reply' },
    owner: 'unfollowed',
    missing: { message_id: 'unfollowed' },
  },
  { type: 'unfollow', ids: CONVERSATION, owner: 'unfollowed', missing: { conversation_id: 'unfollowed' } },
];

const ID_NAME = /^(after|id|.*_id|.*_ids)$/;

/** What the table does not say about the frames; empty if it is complete. */
export function gapsOfFrames(): string[] {
  return Object.entries(CLIENT_FRAMES).flatMap(([type, shape]) => {
    const cases = FRAME_CASES.filter((each) => each.type === type);
    const fields = getMetadataStorage().getTargetValidationMetadatas(shape, '', false, false);
    const names = new Set(
      fields.map(({ propertyName }) => propertyName).filter((name) => ID_NAME.test(name)),
    );
    if (!cases.length) return [`${type} is not in the table`];
    return [...names]
      .filter((name) => !cases.some(({ ids }) => name in ids))
      .map((name) => `${type}.${name}`);
  });
}
