import { EventSource as NativeEventSource } from 'eventsource';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = join(__dirname, '../..');
const AsyncFunction = (async () => undefined).constructor as new (
  ...source: string[]
) => (...values: unknown[]) => Promise<void>;

interface Element {
  value: string;
  textContent: string;
  hidden: boolean;
  onsubmit?: (event: { preventDefault: () => void }) => Promise<void>;
}

/** A page out of the documentation, in as much of a browser as it needs: elements, `fetch` and `EventSource` of another origin. */
export class DocumentedPage {
  /** By id, as a script sees them. */
  readonly elements: Record<string, Element> = {};
  private readonly forms: Element[] = [];
  private readonly feeds: NativeEventSource[] = [];
  private readonly window: { onunhandledrejection?: (event: { reason: unknown }) => void } = {};

  private constructor(
    private readonly html: string,
    private readonly origin: string,
  ) {
    for (const [, name, attributes] of html.matchAll(/<(form|input|pre)\b([^>]*)>/g)) {
      const attribute = (key: string) => new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? '';
      const hidden = /\bhidden\b/.test(attributes);
      const element = { value: attribute('value'), textContent: '', hidden };
      if (attribute('id')) this.elements[attribute('id')] = element;
      if (name === 'form') this.forms.push(element);
    }
  }

  /** The only page in this file, with the service at this address, as if it came from this origin. */
  static async open(file: string, service: string, origin: string): Promise<DocumentedPage> {
    const pages = [...readFileSync(join(ROOT, file), 'utf8').matchAll(/```html\n([^]*?)```/g)];
    if (pages.length !== 1) throw new Error(`${file} has ${pages.length} pages`);
    const page = new DocumentedPage(pages[0][1].replaceAll('http://127.0.0.1:3000', service), origin);
    await page.load();
    return page;
  }

  get text(): string {
    return this.elements.out.textContent;
  }

  /** Of the form that is to be seen, when everything is connected: nobody types that fast. */
  async submit(values: Record<string, string>): Promise<void> {
    while (this.feeds.at(-1)?.readyState === NativeEventSource.CONNECTING) await sleep(10);
    for (const [id, value] of Object.entries(values)) this.elements[id].value = value;
    const form = this.forms.find(({ hidden }) => !hidden);
    await form?.onsubmit?.({ preventDefault: () => undefined }).catch(this.reject);
  }

  close(): void {
    for (const feed of this.feeds) feed.close();
  }

  private async load(): Promise<void> {
    const [, script] = /<script type="module">([^]*)<\/script>/.exec(this.html) ?? [];
    const globals = {
      ...this.elements,
      document: { forms: this.forms },
      window: this.window,
      fetch: this.fetch,
      EventSource: this.eventSource(),
    };
    await new AsyncFunction(...Object.keys(globals), script)(...Object.values(globals));
  }

  private readonly reject = (reason: unknown): void => {
    if (!this.window.onunhandledrejection) throw reason;
    this.window.onunhandledrejection({ reason });
  };

  /** Asks first whether it may, and shows nothing that the service does not give to this origin. */
  private readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const { method = 'GET' } = init;
    const headers = new Headers(init.headers);
    const asked = [...headers.keys()].filter((name) => name !== 'accept');
    if (method !== 'GET' || asked.length) await this.preflight(url, method, asked);
    headers.set('origin', this.origin);
    return this.allowed(await fetch(url, { ...init, headers }));
  };

  private async preflight(url: string | URL, method: string, names: string[]): Promise<void> {
    const headers = {
      origin: this.origin,
      'access-control-request-method': method,
      'access-control-request-headers': names.join(','),
    };
    const answer = this.allowed(await fetch(url, { method: 'OPTIONS', headers }));
    const allowed = (answer.headers.get('access-control-allow-headers') ?? '').toLowerCase().split(',');
    const refused = names.filter((name) => !allowed.some((other) => other.trim() === name));
    if (!answer.ok || refused.length) throw new TypeError(`CORS refuses ${refused.join(', ')} of ${method}`);
  }

  private allowed(answer: Response): Response {
    if (answer.headers.get('access-control-allow-origin') !== this.origin)
      throw new TypeError(`CORS refuses ${this.origin}`);
    return answer;
  }

  private eventSource(): (url: string) => NativeEventSource {
    const { fetch, feeds } = this;
    return function (url: string) {
      const feed = new NativeEventSource(url, { fetch: (target, init) => fetch(target, init) });
      feeds.push(feed);
      return feed;
    };
  }
}
