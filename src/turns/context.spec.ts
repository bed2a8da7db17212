import type { ContextMessage } from '../messages/message.types';
import { modelMessages } from './context';

const said = (
  role: 'user' | 'assistant',
  text: string,
  more: Partial<ContextMessage> = {},
): ContextMessage => ({
  role,
  parts: text ? [{ type: 'text', text }] : [],
  ...more,
});
const user = (text: string) => said('user', text);
const model = (text: string) => said('assistant', text);
const refused = (text = '') => said('assistant', text, { refused: true });
const failed = (text = '') => said('assistant', text, { failed: true });
const thought: ContextMessage = { role: 'assistant', parts: [{ type: 'reasoning', text: 'Hm.' }] };

it.each<[string, ContextMessage[], string[]]>([
  ['turns', [user('a'), model('A'), user('b')], ['user: a', 'assistant: A', 'user: b']],
  ['a reply that was stopped before its first word', [user('a'), model(''), user('b')], ['user: a\n\nb']],
  [
    'replies that were cancelled',
    [user('a'), model('A'), user('b'), model(''), user('c'), model(''), user('d')],
    ['user: a', 'assistant: A', 'user: b\n\nc\n\nd'],
  ],
  ['a reply that was only a thought', [user('a'), thought, user('b')], ['user: a\n\nb']],
  // etkecc/baibot#13, where a thread is dead after it; OpenSecretCloud/opensecret#120 for Gemma's template
  [
    'messages in a row after replies that never came',
    [user('a'), model('A'), user('b'), model(''), user('c'), model('C'), user('d')],
    ['user: a', 'assistant: A', 'user: b\n\nc', 'assistant: C', 'user: d'],
  ],
  // FlowiseAI/Flowise#2006
  [
    'replies in a row',
    [user('a'), model('A'), model('B'), user('c')],
    ['user: a', 'assistant: A\n\nB', 'user: c'],
  ],
  // infiniflow/ragflow#6880
  ['nothing but messages', [user('a'), user('b'), user('c')], ['user: a\n\nb\n\nc']],
  // open-webui/open-webui#6815: a conversation goes on after a provider's error
  [
    'a conversation in which a turn was limited',
    [user('a'), model('A'), user('b'), failed(), user('b again')],
    ['user: a', 'assistant: A', 'user: b again'],
  ],
  ['a blank reply', [user('a'), model(' \n\t'), user('b')], ['user: a\n\nb']],
  ['a blank message of before', [user('  '), model('B'), user('c')], ['user: c']],
  [
    'a blank message between replies',
    [user('a'), model('A'), user(' '), model('B'), user('c')],
    ['user: a', 'assistant: A\n\nB', 'user: c'],
  ],
  ['a reply that failed before its first word', [user('a'), failed(), user('b')], ['user: b']],
  [
    'replies that failed, after one that did not',
    [user('a'), model('A'), user('b'), failed(), user('b'), failed(' '), user('b')],
    ['user: a', 'assistant: A', 'user: b'],
  ],
  [
    'a reply that failed after its first word',
    [user('a'), failed('A'), user('b')],
    ['user: a', 'assistant: A', 'user: b'],
  ],
  [
    'a stopped turn and one that failed',
    [user('a'), model(''), user('b'), failed(), user('c')],
    ['user: a\n\nc'],
  ],
  [
    'a path whose beginning did not fit',
    [model('A'), user('b'), model('B'), user('c')],
    ['user: b', 'assistant: B', 'user: c'],
  ],
  [
    'a refused turn',
    [user('a'), model('A'), user('bad'), refused(), user('c')],
    ['user: a', 'assistant: A', 'user: c'],
  ],
  ['a refused turn at the beginning', [user('bad'), refused(), user('c')], ['user: c']],
  [
    'a refused turn with the beginning of a reply',
    [user('a'), model('A'), user('bad'), refused('I'), user('c')],
    ['user: a', 'assistant: A', 'user: c'],
  ],
  [
    'a refused turn behind one that failed',
    [user('a'), model(''), user('bad'), refused(), user('c')],
    ['user: a\n\nc'],
  ],
  ['refused turns in a row', [user('bad'), refused(), user('worse'), refused(), user('c')], ['user: c']],
  ['a refused turn whose message did not fit', [refused(), user('c')], ['user: c']],
])('the messages of %s', (_, path, expected) => {
  for (const [prompt, system] of [
    [null, []],
    ['Be kind.', ['system: Be kind.']],
    [' ', []],
  ] as const)
    expect(modelMessages(prompt, path).map(({ role, content }) => `${role}: ${content}`)).toEqual([
      ...system,
      ...expected,
    ]);
});

it('what is stored stays as it is', () => {
  const path = [user('a'), model(''), user('b')];
  modelMessages(null, path);
  expect(path).toEqual([user('a'), model(''), user('b')]);
});
