import { createClient, createConfig, reauthenticate } from '@client';
import { shallowRef } from 'vue';
import { problemOf } from '../../api/problem';
import { session } from '../../state/session';
import type { Answer } from './use-action';

/**
 * For calls that carry a password: a wrong one is answered with 401, which does not end the session as other answers with 401 do.
 */
export const passwordClient = createClient(createConfig({ baseUrl: '' }));
passwordClient.interceptors.request.use(async (request) => {
  for (const [name, value] of Object.entries(await session.headers())) request.headers.set(name, value);
  return request;
});

/** Somebody is asked for the password; told whether it was right, or that they would rather not. */
const question = shallowRef<(given: boolean) => void>();

export const vouching = {
  question,

  /** What the service wants the password for once more, which it may ask for after a while: it is asked for, and then it is done again. */
  async do<T>(ask: () => Promise<Answer<T>>): Promise<Answer<T>> {
    const answer = await ask();
    if (answer.error === undefined || problemOf(answer.error).code !== 'reauthentication_required')
      return answer;
    const given = await new Promise<boolean>((resolve) => (question.value = resolve));
    return given ? ask() : answer;
  },

  /** Answers what is wrong, if anything is. */
  async give(current_password: string): Promise<Answer<unknown>> {
    const { error } = await reauthenticate({ client: passwordClient, body: { current_password } });
    return { error };
  },

  end(given: boolean): void {
    question.value?.(given);
    question.value = undefined;
  },
};
