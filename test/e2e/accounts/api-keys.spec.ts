import { ApiKeysService } from '../../../src/auth/keys/api-keys.service';
import { IDENTITY_BOUNDS } from '../../../src/config/bounds';
import { signUp } from '../../support/accounts';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp({ AUTH_MODE: 'token', JWT_SECRET: 'gEx3Xq0aVv5m2fPzK9dYwT7rUb4cLh8sJi1nQo6e' });

it('somebody has no more keys than the bound, and a deleted one makes room', async () => {
  const { limit } = IDENTITY_BOUNDS.apiKeysOfUser;
  const { id: userId, api } = await signUp(t.url, t.user('collector'));
  const keys = t.app.get(ApiKeysService, { strict: false });
  const make = (name: string) => keys.create(userId, { name, scopes: [], expires_at: null });
  for (let i = 0; i < limit; i += 1) await make(`key ${i}`);
  await expect(make('one more')).rejects.toMatchObject({ code: 'too_many_api_keys' });
  const { body } = await api.get<{ data: { id: string }[] }>('/api-keys');
  expect((await api.delete(`/api-keys/${body.data[0].id}`)).status).toBe(204);
  await make('one more');
});
