import { testModel } from '../../../test/support/model-calls';
import type { ModelMessage } from '../llm-client';
import { newestWithin, reservedOutput, weigh } from './context-fit';

const said = (...roles: string[]): ModelMessage[] =>
  roles.map((role, index) => ({ role: role as ModelMessage['role'], content: `${index}`, tokens: 6 }));
const fitting = async (messages: ModelMessage[], budget: number) =>
  newestWithin(await weigh(messages, testModel()), budget).messages.map(({ content }) => content);

describe('newestWithin', () => {
  // Each takes 10 tokens.
  const path = said('system', 'user', 'assistant', 'user', 'assistant', 'user');

  it.each([
    [60, ['0', '1', '2', '3', '4', '5']],
    [59, ['0', '3', '4', '5']],
    [40, ['0', '3', '4', '5']],
    [39, ['0', '5']],
    [20, ['0', '5']],
    [1, ['0', '5']],
  ])('of a path in %d tokens', async (budget, expected) => {
    expect(await fitting(path, budget)).toEqual(expected);
  });

  it('keeps the text that is to be continued with what it answers', async () => {
    expect(await fitting(said('user', 'assistant', 'user', 'assistant'), 10)).toEqual(['2', '3']);
  });

  it('has nothing to keep of nothing', async () => {
    expect(await fitting([], 10)).toEqual([]);
    expect(await fitting(said('system'), 1)).toEqual(['0']);
  });
});

describe('a weighed context', () => {
  it.each([
    ['English', 'The quick brown fox jumps over the lazy dog.', 1, 1],
    ['German', 'Der schnelle braune Fuchs springt über den Hund.', 1, 1.2],
    ['Hindi', 'आज सुबह हम दुकान गए और रोटी खरीदी।', 3, 3.7],
    ['Thai', 'เช้านี้เราไปที่ร้านและซื้อขนมปัง', 2.9, 3.1],
    ['Tamil', 'இன்று காலை நாங்கள் கடைக்குச் சென்றோம்.', 4.4, 5],
    ['Georgian', 'დღეს დილით ჩვენ წავედით მაღაზიაში.', 5, 5.9],
    ['Arabic', 'ذهبنا هذا الصباح إلى المتجر.', 2.2, 2.5],
    ['Chinese', '今天早上我们去商店买了面包。', 1.6, 1.7],
    ['Korean', '오늘 아침 우리는 가게에 가서 빵을 샀다.', 1.3, 1.7],
    ['Japanese', '今朝、私たちは店に行ってパンを買いました。', 1.5, 1.7],
    ['Russian with English', 'Сегодня we went в магазин.', 1.4, 2.2],
  ])('takes more of a model with another vocabulary in %s', async (_, content, least, most) => {
    const messages = [{ role: 'user' as const, content, tokens: 1_000 }];
    const cost = async (vocabulary: 'o200k' | 'other') =>
      (await weigh(messages, testModel({ vocabulary }))).costs[0] - 4;
    expect(await cost('o200k')).toBe(1_000);
    expect((await cost('other')) / 1_000).toBeGreaterThanOrEqual(least);
    expect((await cost('other')) / 1_000).toBeLessThanOrEqual(most);
  });

  it('counts what nobody has counted', async () => {
    expect((await weigh([{ role: 'user', content: 'Hello there' }], testModel())).costs).toEqual([2 + 4]);
  });
});

it.each([
  ['nothing is asked for', undefined, {}, 4096],
  ['less is asked for', 100, {}, 100],
  ['more is asked for than the model can', 9_000, {}, 4096],
  ['more is asked for than is guessed', 9_000, { outputIsGuessed: true }, 9_000],
  ['more than half of the window', 90_000, { outputIsGuessed: true }, 64_000],
  ['the model has a setting', undefined, { settings: { max_output_tokens: 7 } }, 7],
])('kept free where %s', (_, asked, model, expected) => {
  expect(reservedOutput(testModel(model), asked === undefined ? {} : { max_output_tokens: asked })).toBe(
    expected,
  );
});
