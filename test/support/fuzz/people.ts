import { PASSWORD } from '../accounts';
import { type Belongings, newPerson } from '../belongings';
import { type Answer, call, type Call } from '../http-call';
import type { FuzzedService } from './fuzzed-service';

/** Somebody who is logged in twice and has something of everything. */
export interface Person extends Belongings {
  username: string;
  access: string;
  /** Of another login, so that spending it twice ends only that one. */
  refresh: string;
  apiKey: string;
  address: string;
}

/** The data of nobody grows without bound. */
const LIFETIME = 2000;
/** What these do when they are accepted leaves a person without the things that requests are about. */
const TAKES_THINGS = new Set([
  'deleteConversation',
  'deleteProvider',
  'deleteFeedback',
  'deleteShare',
  'deleteApiKey',
]);
const TAKES_PERSON = new Set(['deleteUser', 'logOut']);

let people = 0;

/** Somebody who sends requests, and somebody else about whose things they are as well. */
export class Pair {
  own: Person;
  foreign: Person;
  private sent = 0;
  private renewal: Promise<void> | undefined;

  private constructor(
    private readonly service: FuzzedService,
    readonly isAdmin: boolean,
  ) {}

  static async of(service: FuzzedService, isAdmin: boolean): Promise<Pair> {
    const pair = new Pair(service, isAdmin);
    await pair.replace();
    return pair;
  }

  /** In the name of the one who sends. */
  async send(request: Call): Promise<Answer> {
    this.sent += 1;
    return this.sendAs(this.own, request);
  }

  /** Both are there, whoever is about to be replaced. */
  async ready(): Promise<void> {
    if (this.sent >= LIFETIME) this.renew(() => this.replace());
    await this.renewal;
  }

  /** Gives back what an accepted request has taken. */
  restoreAfter(operation: string): void {
    const takesOthers = this.isAdmin && operation === 'updateUser';
    if (TAKES_PERSON.has(operation) || takesOthers) this.renew(() => this.replace());
    else if (TAKES_THINGS.has(operation)) this.renew(() => this.refurnish());
  }

  private renew(work: () => Promise<void>): void {
    this.renewal ??= work().finally(() => (this.renewal = undefined));
  }

  /** Erases both and makes others. */
  private async replace(): Promise<void> {
    const former = [this.own, this.foreign].filter((person) => person !== undefined);
    for (const { user } of former) await this.asAdmin('DELETE', user);
    this.own = await this.newcomer();
    this.foreign = await this.newcomer();
    if (this.isAdmin) await this.asAdmin('PUT', this.own.user, { role: 'admin' });
    this.sent = 0;
  }

  private async refurnish(): Promise<void> {
    // Somebody may have been taken, or have as much as anybody may have.
    await this.furnish(this.own).then(
      (own) => (this.own = own),
      () => this.replace(),
    );
  }

  private async newcomer(): Promise<Person> {
    people += 1;
    const username = `fuzz${people}`;
    const address = `10.${people >> 16}.${(people >> 8) & 255}.${people & 255}`;
    const password = PASSWORD;
    const send = async <T>(path: string, body: object) => {
      const answer = await this.sendAs({ address }, { method: 'POST', path: `/api/v1${path}`, body });
      if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
      return answer.body as T;
    };
    const account = { username, email: `${username}@example.com`, password };
    const { id: user } = await send<{ id: string }>('/auth/register', account);
    const logIn = () =>
      send<{ access_token: string; refresh_token: string }>('/auth/token', { username, password });
    const { access_token: access } = await logIn();
    const { refresh_token: refresh } = await logIn();
    return this.furnish({ user, username, access, refresh, address });
  }

  private async furnish(
    person: Pick<Person, 'user' | 'username' | 'access' | 'refresh' | 'address'>,
  ): Promise<Person> {
    const send = (request: Call) => this.sendAs(person, request);
    const belongings = await newPerson(send, person.user);
    const key = await send({ method: 'POST', path: '/api/v1/api-keys', body: { name: belongings.canary } });
    return { ...person, ...belongings, apiKey: (key.body as { id: string }).id };
  }

  private async asAdmin(method: string, user: string, body?: object): Promise<void> {
    const headers = { authorization: `Bearer ${this.service.admin}` };
    const answer = await call(this.service.url, { method, path: `/api/v1/users/${user}`, headers, body });
    if (answer.status >= 300 && answer.status !== 404)
      throw new Error(`${method} ${user}: ${answer.status} ${answer.text}`);
  }

  private sendAs({ access, address }: Partial<Person>, request: Call): Promise<Answer> {
    const identity = {
      'x-forwarded-for': address ?? '',
      ...(access && { authorization: `Bearer ${access}` }),
    };
    return call(this.service.url, { ...request, headers: { ...request.headers, ...identity } });
  }
}
