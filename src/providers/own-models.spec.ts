import type { KeyCipher } from './key-cipher';
import { OwnModels } from './own-models';
import type { ProviderEntity } from './provider.entity';
import type { ProvidersRepository } from './providers.repository';

const row = (version: number): ProviderEntity =>
  ({
    id: 'p1',
    user_id: 'alice',
    name: 'mine',
    base_url: 'https://example.com/v1',
    version,
    key_id: 'k',
    models: ['m'],
  }) as ProviderEntity;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

it('keeps an opened key while it is used, and forgets it ten minutes later', () => {
  const open = vi.fn(() => 'secret');
  const models = new OwnModels({} as ProvidersRepository, { open } as unknown as KeyCipher);
  const first = models.configOf(row(1));
  vi.advanceTimersByTime(9 * 60_000);
  expect(models.configOf(row(1))).toBe(first);
  vi.advanceTimersByTime(9 * 60_000);
  expect(models.configOf(row(1))).toBe(first);
  vi.advanceTimersByTime(11 * 60_000);
  expect(models.configOf(row(1))).not.toBe(first);
  expect(open).toHaveBeenCalledTimes(2);
});

it('opens the key of a provider that has changed again', () => {
  const open = vi.fn(() => 'secret');
  const models = new OwnModels({} as ProvidersRepository, { open } as unknown as KeyCipher);
  const first = models.configOf(row(1));
  const second = models.configOf(row(2));
  expect(second).not.toBe(first);
  expect(models.configOf(row(2))).toBe(second);
});
