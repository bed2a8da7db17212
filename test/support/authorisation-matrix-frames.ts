import { getMetadataStorage } from 'class-validator';
import { CLIENT_FRAMES, type FrameType } from '../../src/chat/socket/client-frames';
import type { Scope } from '../../src/auth/identity';
import type { IdKind } from './authorisation-matrix-rows';
import type { Belongings } from './belongings';
import type { Frame } from './socket-client';

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
  // Whose event it is cannot be told: whoever resumes after one that is not theirs starts anew.
  {
    type: 'subscribe',
    ids: { after: 'event' },
    owner: 'error invalid_last_event_id',
    missing: { after: 'error invalid_last_event_id' },
  },
  { type: 'unsubscribe', ids: {}, owner: 'unsubscribed', missing: { any: 'unsubscribed' } },
  { type: 'unfollow', ids: CONVERSATION, owner: 'unfollowed', missing: { conversation_id: 'unfollowed' } },
];

/** What a key needs to send them. */
export const FRAME_SCOPES: Readonly<Record<FrameType, Scope>> = {
  chat: 'chat:write',
  stop: 'chat:write',
  follow: 'conversations:read',
  unfollow: 'conversations:read',
  subscribe: 'conversations:read',
  unsubscribe: 'conversations:read',
};

const ID_NAME = /^(after|id|.*_id|.*_ids)$/;

/** What the table does not say about the frames; empty if it is complete. */
export function gapsOfFrames(): string[] {
  return Object.entries(CLIENT_FRAMES).flatMap(([type, shape]) => {
    const cases = FRAME_CASES.filter((each) => each.type === type);
    const fields = getMetadataStorage().getTargetValidationMetadatas(shape, '', false, false);
    const isId = ({ propertyName, name }: (typeof fields)[0]) =>
      name === 'isUuid' || ID_NAME.test(propertyName);
    const names = new Set(fields.filter(isId).map(({ propertyName }) => propertyName));
    if (!cases.length) return [`${type} is not in the table`];
    return [...names]
      .filter((name) => !cases.some(({ ids }) => name in ids))
      .map((name) => `${type}.${name}`);
  });
}

export function titleOfFrame({ type, ids }: FrameCase): string {
  return `${type} with ${Object.keys(ids).join(', ')}`;
}

/** The ids of a person's own things, for each field of the case. */
export function frameIdsOf(person: Belongings, { ids }: FrameCase): Record<string, string> {
  const idOf = (kind: string) =>
    kind === 'event' ? `${person.reply}:1` : person[kind as 'conversation' | 'reply'];
  return Object.fromEntries(Object.entries(ids).map(([field, kind]) => [field, idOf(kind)]));
}

/** The type of a frame, and the code of an error that is not a reply's. */
export function kindOfFrame({ type, id, data }: Frame): string {
  return type === 'error' && id === undefined ? `error ${String(data.code)}` : type;
}
