import type { BrowserContext, Page } from 'playwright-core';

/** How long after a failure the page may say so. */
const PATIENCE_MS = 5_000;
/** Between an answer and the begin of the next document, if there was no time to show it. */
const LEAVING_MS = 2_000;

interface Failure {
  page: Page;
  at: number;
  text: string;
}

/** Tells of each request that failed, of each word that the page has of a failure, and of each document, with its time. */
const WATCH = `
  documentBegins(Date.now());
  const send = window.fetch;
  window.fetch = async (input, init) => {
    const { pathname } = new URL(input.url ?? input, location.href);
    const failed = (status) => requestFails(init?.method ?? input.method ?? 'GET', pathname, status, Date.now());
    try {
      const response = await send.call(window, input, init);
      if (response.status >= 400) failed(response.status);
      return response;
    } catch (error) {
      if (error.name !== 'AbortError') failed(0);
      throw error;
    }
  };
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes)
      if (node.matches?.('[role=alert], .toast.failure') || node.querySelector?.('[role=alert], .toast.failure')) saysFailure(Date.now());
  }).observe(document, { childList: true, subtree: true });`;

/**
 * Requests of a page that somebody has asked for and that failed, and of which the page said nothing. Reading is left out, since the page reads until it knows; so are
 * turns, which the client repeats, and what was wanted gone and is gone. Whoever leaves a document needs no word of what it had asked for.
 */
export class UnseenFailures {
  private readonly failures: Failure[] = [];
  private readonly said: { page: Page; at: number }[] = [];
  private readonly documents: { page: Page; at: number }[] = [];

  static async watch(context: BrowserContext): Promise<UnseenFailures> {
    const watched = new UnseenFailures();
    await context.exposeBinding('saysFailure', ({ page }, at: number) => watched.said.push({ page, at }));
    await context.exposeBinding('documentBegins', ({ page }, at: number) =>
      watched.documents.push({ page, at }),
    );
    await context.exposeBinding(
      'requestFails',
      ({ page }, method: string, path: string, status: number, at: number) =>
        watched.add(page, at, { method, path, status }),
    );
    await context.addInitScript(WATCH);
    return watched;
  }

  /** @param status 0 where nothing was answered */
  private add(
    page: Page,
    at: number,
    { method, path, status }: { method: string; path: string; status: number },
  ): void {
    const isTurn = method === 'POST' && /\/chat\b|\/(edit|regenerate|continue)$/.test(path);
    const isGone = status === 404 && (method === 'DELETE' || path.endsWith('/stop'));
    const isAutomatic = path.endsWith('/read');
    if (method === 'GET' || isGone || isAutomatic || (isTurn && (status === 0 || status >= 500))) return;
    this.failures.push({ page, at, text: `${method} ${path} ${status || 'unanswered'}` });
  }

  list(): string[] {
    const follows = (within: number, failure: Failure) => (word: { page: Page; at: number }) =>
      word.page === failure.page && word.at >= failure.at && word.at < failure.at + within;
    return this.failures
      .filter(
        (failure) =>
          !this.said.some(follows(PATIENCE_MS, failure)) &&
          !this.documents.some(follows(LEAVING_MS, failure)),
      )
      .map(({ text }) => text);
  }
}
