import { testModel, testProvider } from '../../test/support/model-calls';
import { ModelCatalogue } from './model-catalogue';

const providers = [
  testProvider('http://127.0.0.1:1/v1'),
  testProvider('http://127.0.0.1:2/v1', { name: 'other' }),
];
const models = [
  testModel({ id: 'a', fallbacks: ['b', 'c'] }),
  testModel({ id: 'b', provider: 'other', fallbacks: ['a'] }),
  testModel({ id: 'c' }),
];
const catalogue = new ModelCatalogue({ providers, models, defaultModel: 'b' });

describe('ModelCatalogue', () => {
  it('lists the models in their order, with their providers', () => {
    expect(catalogue.list().map(({ model, provider }) => [model.id, provider.name])).toEqual([
      ['a', 'test'],
      ['b', 'other'],
      ['c', 'test'],
    ]);
  });

  it('resolves an id, and no id to the default', () => {
    expect(catalogue.resolve('c')?.model.id).toBe('c');
    expect(catalogue.resolve()?.model.id).toBe('b');
    expect(catalogue.resolve(null)?.model.id).toBe('b');
    expect(catalogue.default.model.id).toBe('b');
  });

  it.each(['', 'nobody', '__proto__', 'constructor'])('does not know %j', (id) => {
    expect(catalogue.resolve(id)).toBeUndefined();
    expect(catalogue.candidates(id)).toEqual([]);
  });

  it('gives a model’s fallbacks, and not theirs', () => {
    expect(catalogue.candidates('a').map(({ model }) => model.id)).toEqual(['a', 'b', 'c']);
    expect(catalogue.candidates('b').map(({ model }) => model.id)).toEqual(['b', 'a']);
  });
});
