import { capacity } from './capacity.mjs';
import { firstToken } from './first-token.mjs';
import { flood } from './flood.mjs';
import { identity } from './identity.mjs';
import { lists } from './lists.mjs';
import { manyReaders } from './many-readers.mjs';
import { memory } from './memory.mjs';
import { streams200, streams50, streams500 } from './paced.mjs';
import { posting } from './posting.mjs';
import { search } from './search.mjs';
import { userFeeds } from './user-feeds.mjs';
import { shortReplies } from './short-replies.mjs';
import { coldStart, warmStart } from './start.mjs';

/** In the order in which they are measured and shown. */
export const scenarios = [
  flood,
  streams50,
  streams200,
  streams500,
  shortReplies,
  firstToken,
  manyReaders,
  capacity,
  memory,
  lists,
  search,
  userFeeds,
  posting,
  identity,
  coldStart,
  warmStart,
];
