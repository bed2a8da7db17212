/** What dead processes have left in their journals; it follows from this alone, so that whoever checks knows every text. */
export interface Shape {
  kind:
    | 'burst' // all of it is of replies that are open, and was written within a minute
    | 'long'; // most of it is of replies that have ended, kept since the oldest open one began
  /** Replies that were open at a time. */
  replies: number;
  /** About so much journal. */
  bytes: number;
}

export interface LeftReply {
  id: string;
  conversationId: string;
  userMessageId: string;
  userId: string;
  /** The first batch that has something of it. */
  firstBatch: number;
  /** Its text, as far as the journal has it. */
  text(): string;
  /** What its journal has that nobody can read or store. */
  damage?: 'unreadable' | 'unstorable';
}

export interface Batch {
  batch: number;
  payload: string;
}

/** A batch of a process with many replies, which is written every 16 ms. */
const BATCH_MS = 16;
const MINUTE_BATCHES = 60_000 / BATCH_MS;
/** Replies that ended before, for each that is open: a five-minute reply beside those of one minute. */
const GENERATIONS = 5;
/** Twenty tokens a second are one event in so many batches. */
const TOKEN_EVERY = 3;
/** Of JSON around an event, and around the events of one reply in a batch. */
const EVENT_BYTES = 49;
const RUN_BYTES = 54;
const USERS = 11;
const CLOSED = 1_000_000;
const ODD = ['\n', '"', 'é', '你好', '👩‍👩‍👧', '\\'];

export class LeftBehind {
  readonly replies: LeftReply[] = [];
  readonly batches: number;
  private readonly eventsPerRun: number;
  private readonly runsPerBatch: number;

  constructor(private readonly shape: Shape) {
    const { kind, replies, bytes } = shape;
    const runsPerBatch = kind === 'burst' ? replies : Math.ceil(replies / TOKEN_EVERY);
    this.batches =
      kind === 'burst'
        ? Math.max(10, Math.min(MINUTE_BATCHES, Math.floor(bytes / (replies * 300))))
        : Math.ceil(bytes / (runsPerBatch * (RUN_BYTES + EVENT_BYTES)));
    this.runsPerBatch = runsPerBatch;
    const perRun = bytes / this.batches / runsPerBatch;
    this.eventsPerRun = kind === 'burst' ? Math.max(1, Math.round((perRun - RUN_BYTES) / EVENT_BYTES)) : 1;
    const newest = kind === 'burst' ? 0 : GENERATIONS - 1;
    for (let slot = 0; slot < replies; slot++) {
      // The oldest has been there all the time.
      const generation = kind === 'long' && slot === 0 ? 0 : newest;
      this.replies.push(this.reply(slot, this.firstBatchOf(slot, generation)));
    }
    const middle = Math.floor(this.batches / 2);
    this.replies.push({
      ...this.reply(replies, middle),
      text: () => wordsOf(replies, 2, 4),
      damage: 'unreadable',
    });
    this.replies.push({
      ...this.reply(replies + 1, middle),
      text: () => wordsOf(replies + 1, 2, 4),
      damage: 'unstorable',
    });
  }

  get users(): string[] {
    return Array.from({ length: USERS }, (_, index) => userOf(index));
  }

  /** As they were stored, from 1. */
  *journal(): Generator<Batch> {
    const middle = Math.floor(this.batches / 2);
    for (let batch = 1; batch < this.batches + 4; batch++) {
      // Those in the middle hold nothing but the damaged ones, and push the others back.
      const damaged = batch - middle;
      if (damaged >= 0 && damaged < 3) yield { batch, payload: this.damagedPayload(damaged) };
      else yield { batch, payload: this.payload(damaged < 0 ? batch : batch - 3) };
    }
  }

  private payload(turn: number): string {
    const runs: string[] = [];
    for (let run = 0; run < this.runsPerBatch; run++) {
      const slot = this.slotOf(turn, run);
      if (slot < this.shape.replies) runs.push(this.run(slot, turn));
    }
    return `[${runs.join()}]`;
  }

  /** The replies take turns where each has something only now and then. */
  private slotOf(turn: number, run: number): number {
    return this.shape.kind === 'burst' ? run : run * TOKEN_EVERY + (turn % TOKEN_EVERY);
  }

  private run(slot: number, turn: number): string {
    const generation = this.generationOf(slot, turn);
    const first = this.firstTurnOf(slot, generation);
    const before = this.turnsBetween(first, turn) * this.eventsPerRun;
    const reply = idOf(slot, this.isOpen(slot, generation) ? 0 : CLOSED * (generation + 1));
    const said = eventsOf(slot, before + 2, this.eventsPerRun);
    if (before > 0) return `["${reply}",${before + 2},[${said}]]`;
    return `["${reply}",1,[${startOf(slot, reply)},${said}]]`;
  }

  /** 0: begins with what cannot be read later; 1: is what cannot be stored; 2: is cut off. */
  private damagedPayload(part: number): string {
    const [unreadable, unstorable] = [this.shape.replies, this.shape.replies + 1];
    const begin = (slot: number) =>
      `["${idOf(slot)}",1,[${startOf(slot, idOf(slot))},${eventsOf(slot, 2, 3)}]]`;
    if (part === 0) return `[${begin(unreadable)},${begin(unstorable)}]`;
    if (part === 1) return `[["${idOf(unstorable)}",5,[{"type":"chunk","data":{"content":"a\\u0000b"}}]]]`;
    return `[["${idOf(unreadable)}",5,[{"type":"chunk","data":{"content":"`;
  }

  private reply(slot: number, firstBatch: number): LeftReply {
    const conversationId = uuid('c', slot);
    return {
      id: idOf(slot),
      conversationId,
      userMessageId: uuid('a', slot),
      userId: userOf(slot),
      firstBatch,
      text: () => {
        const first = this.firstTurnOf(slot, this.generationOf(slot, this.batches));
        const turns = this.turnsBetween(first, this.batches + 1);
        return wordsOf(slot, 2, turns * this.eventsPerRun + 1);
      },
    };
  }

  private isOpen(slot: number, generation: number): boolean {
    return this.shape.kind === 'burst' || slot === 0 || generation === GENERATIONS - 1;
  }

  private generationOf(slot: number, turn: number): number {
    if (this.shape.kind === 'burst' || slot === 0) return 0;
    return Math.min(GENERATIONS - 1, Math.floor(((turn - 1) * GENERATIONS) / this.batches));
  }

  /** The first turn in which it says something. */
  private firstTurnOf(slot: number, generation: number): number {
    if (this.shape.kind === 'burst') return 1;
    let turn = Math.ceil((generation * this.batches) / GENERATIONS) + 1;
    while (turn % TOKEN_EVERY !== slot % TOKEN_EVERY) turn++;
    return turn;
  }

  private firstBatchOf(slot: number, generation: number): number {
    const turn = this.firstTurnOf(slot, generation);
    return turn < Math.floor(this.batches / 2) ? turn : turn + 3;
  }

  /** In how many turns it has said something before this one. */
  private turnsBetween(first: number, turn: number): number {
    if (this.shape.kind === 'burst') return turn - first;
    return Math.ceil((turn - first) / TOKEN_EVERY);
  }
}

export function startEventOf(reply: string, conversation: string, userMessage: string): string {
  const data = {
    conversation_id: conversation,
    message_id: reply,
    user_message_id: userMessage,
    model: 'test-model',
  };
  return JSON.stringify({ type: 'start', data });
}

function startOf(slot: number, reply: string): string {
  return startEventOf(reply, uuid('c', slot), uuid('a', slot));
}

/** The text of the event with this sequence. */
function wordOf(slot: number, sequence: number): string {
  const word = `${slot}.${sequence} `;
  return sequence % 10 === 0 ? word + ODD[(sequence / 10) % ODD.length] : word;
}

function wordsOf(slot: number, from: number, to: number): string {
  let text = '';
  for (let sequence = from; sequence <= to; sequence++) text += wordOf(slot, sequence);
  return text;
}

function eventsOf(slot: number, from: number, count: number): string {
  const events: string[] = [];
  for (let sequence = from; sequence < from + count; sequence++)
    events.push(`{"type":"chunk","data":{"content":${JSON.stringify(wordOf(slot, sequence))}}}`);
  return events.join();
}

const userOf = (slot: number) => `left-behind-${slot % USERS}`;
const idOf = (slot: number, more = 0) => uuid('e', slot + more);

function uuid(kind: string, number: number): string {
  return `0190000${kind}-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}
