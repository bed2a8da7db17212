import { kindOf } from './body-kind';

it.each<[string, 'events' | 'whole' | undefined, 'events' | 'whole' | undefined]>([
  ['data: {', 'events', 'events'],
  [': ping', 'events', 'events'],
  ['\n\ndata:', 'events', 'events'],
  ['\uFEFFdata: {', 'events', 'events'],
  ['event: error', 'events', 'events'],
  ['error: {', 'events', 'events'],
  ['da', 'events', undefined],
  ['i', 'events', undefined],
  ['', undefined, undefined],
  ['\n \n', undefined, undefined],
  ['[', undefined, undefined],
  ['{"choices"', 'whole', 'whole'],
  ['\n\n {"id"', 'whole', 'whole'],
  ['[{"error"', 'whole', 'whole'],
  ['<!doctype', 'whole', 'whole'],
  ['internal error', 'events', 'whole'],
  ['Upstream', 'events', 'whole'],
])('%j is %s as events, and %s as anything else', (text, asEvents, otherwise) => {
  expect(kindOf(Buffer.from(text), true)).toBe(asEvents);
  expect(kindOf(Buffer.from(text), false)).toBe(otherwise);
});
