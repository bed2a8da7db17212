import type { Field } from './field';

/** Somebody who takes and does not give, at a bounded rate: what counts is what the service does with it, not who has more processors. */
export interface Attack {
  /** The weakness of which this is a form. */
  finding: string;
  what: string;
  /** What must be there first, such as a reply to read. It is not measured. */
  prepare?: (field: Field) => Promise<void>;
  /** Goes on until `field.over`. */
  attack: (field: Field) => Promise<void>;
  /** The same load, sent by clients and servers that keep to the rules. */
  honest: (field: Field) => Promise<void>;
  /** One of those that go on all at once; the others are variants of them. */
  main?: boolean;
  /** Cheap enough for the normal test command. */
  short?: boolean;
  /** Needs a name server that does not answer. */
  needsSilentNames?: boolean;
}

/** Does it so often at most, until the field is over; one that fails is only counted. */
export async function repeat(field: Field, everyMs: number, work: (index: number) => unknown): Promise<void> {
  for (let index = 0; !field.over.aborted; index++) {
    const began = performance.now();
    try {
      await work(index);
    } catch (error) {
      field.count((error as NodeJS.ErrnoException).code ?? 'failed');
    }
    await field.pause(Math.max(0, everyMs - (performance.now() - began)));
  }
}

/** Several at the same time. */
export async function abreast(count: number, work: (index: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, index) => work(index)));
}
