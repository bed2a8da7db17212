import { type Attack, abreast, repeat } from './attack';
import type { Field } from './field';

/*
 * H1, H2 and M5: what a provider sends. Anybody may bring a provider, so this is what anybody may send: lines that take long to find,
 * lines that count as nothing, and lines that do not end.
 */

/** So many replies of these models at a time for each person, begun again when they are over, as often as the limits let them. */
async function replies(field: Field, models: string[], count: number, people = 1): Promise<void> {
  await abreast(count * people, async (index) => {
    const person = await field.person(index % people);
    const model = models[index % models.length];
    await repeat(field, Math.ceil((60_000 / 110) * count), () => field.turn(person, model));
  });
}

interface Streams {
  count?: number;
  people?: number;
  main?: boolean;
  short?: boolean;
}

function from(
  finding: string,
  what: string,
  models: string[],
  { count = 20, people = 1, ...more }: Streams = {},
): Attack {
  return {
    finding,
    what,
    prepare: async (field) => {
      for (let index = 0; index < people; index++) await field.person(index);
    },
    attack: (field) => replies(field, models, count, people),
    honest: (field) => replies(field, ['talkative'], count, people),
    ...more,
  };
}

export const STREAMS: Attack[] = [
  from('H1', 'line ends among which one of another kind comes late', ['late-cr'], {
    main: true,
    short: true,
  }),
  from('H1', 'other line ends, and tokens between them', [
    'all-cr',
    'all-lf',
    'late-lf',
    'late-cr-with-tokens',
  ]),
  from('H2', 'data lines without a text', ['empty-data'], { count: 4, main: true, short: true }),
  from(
    'H2',
    'other lines that bring nothing',
    ['empty-data-spaced', 'data-without-colon', 'comments', 'other-fields', 'empty-events'],
    { count: 5 },
  ),
  from('M5', 'lines that do not end, of 100 replies', ['long-line'], { count: 50, people: 2, main: true }),
  from(
    'M5',
    'comments, events, texts, answers and refusals that do not end',
    ['long-comment', 'long-event', 'long-string', 'long-answer', 'long-refusal'],
    { count: 50, people: 2 },
  ),
];
