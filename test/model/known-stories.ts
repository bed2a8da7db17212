import type { Story } from './moves';

/** A story, and whether it ends in a crash of everything. */
type KnownStory = [Story, boolean];

const times = (count: number, part: Story): Story => Array.from({ length: count }, () => part).flat();
/** The first statement that is underway goes through. */
const first: Story = [
  ['execute', 0],
  ['answer', 0],
];
/** A second reply is opened by the first process, which does not know yet that it is stored. */
const openedUnheard: Story = [['turn', 2], ...times(2, first), ['execute', 0]];

/** What once went wrong, or is too rare to be left to chance. */
export const knownStories: KnownStory[] = [
  // Words are stored after others were given up on.
  [
    [
      ['goDown', 0],
      ['say', 0],
      ['pass', 3],
      ['say', 0],
      ['goUp', 0],
      ['stall', 7],
      ['settle', 0],
    ],
    true,
  ],
  // What comes after words that were given up on is refused.
  [
    [
      ['outage', 0],
      ['say', 0],
    ],
    false,
  ],
  // A reply waits to be stored while the journal is tidied up.
  [
    [
      ['say', 0],
      ['settle', 0],
      ['goDown', 0],
      ['finish', 0],
      ['pass', 3],
      ['pass', 2],
      ...times(6, [['pass', 1]]),
      ['goUp', 0],
      ...times(5, [['pass', 1]]),
    ],
    true,
  ],
  // The answer that it is stored gets lost.
  [
    [
      ['say', 0],
      ['settle', 0],
      ['finish', 0],
      ['executeUnheard', 0],
    ],
    false,
  ],
  // Others close a reply with more than its own process has shown.
  [
    [
      ['say', 0],
      ['execute', 0],
      ['jump', 3],
      ['sweep', 1],
      ['overtake', 0],
      ['fail', 0],
      ['pass', 2],
    ],
    false,
  ],
  // A process hears that it has opened a reply when others have closed it, and goes by another id.
  [
    [
      ...times(9, [['pass', 1]]),
      ...openedUnheard,
      ['jump', 3],
      ['sweep', 1],
      ['overtake', 0],
      ['stall', 1],
      ['overtake', 0],
      ['answer', 0],
      ['join', 2],
      ['say', 1],
      ['settle', 0],
    ],
    false,
  ],
  // A process looks for replies that it knows nothing of while it is about to hear that it has opened one.
  [
    [...openedUnheard, ['sweep', 0], ['overtake', 0], ['answer', 0], ['join', 2], ['say', 1], ['settle', 0]],
    false,
  ],
  // A process looks for replies that it knows nothing of while it holds one that cannot be stored yet.
  [
    [
      ['say', 0],
      ['settle', 0],
      ['finish', 0],
      ['outage', 0],
      ['sweep', 0],
    ],
    false,
  ],
  // A process hears late that others have closed its reply.
  [
    [
      ['say', 0],
      ['pause', 0],
      ['pass', 3],
      ['sweep', 0],
      ['pass', 0],
      ['outage', 0],
      ['goOn', 0],
      ['say', 0],
    ],
    false,
  ],
  // A reader is there before the reply begins.
  [[...openedUnheard, ['join', 2], ['overtake', 0], ['answer', 0], ['say', 1], ['pass', 2]], false],
  // A reply is stored, its process does not hear of it, and lives on.
  [[...openedUnheard, ['fail', 0], ['pass', 3]], false],
  // The process that is to begin the next reply is killed before it can, or when it has and does not know.
  ...[1, 2, 3, 4, 5].map((statements): KnownStory => [
    [
      ['queue', 0],
      ['settle', 0],
      ['join', 3],
      ['say', 0],
      ['finish', 0],
      ...times(statements, first),
      ['kill', 0],
    ],
    false,
  ]),
  // A turn that does not wait comes between two replies.
  [
    [
      ['pause', 0],
      ['turn', 9],
      ['queue', 9],
      ['queue', 3],
      ['pass', 0],
      ['cancel', 3],
      ['say', 0],
      ['finish', 0],
      ['turn', 3],
      ['settle', 0],
    ],
    false,
  ],
];
