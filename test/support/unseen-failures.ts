import type { BrowserContext, Page, Request } from 'playwright-core';

/** How long after a failure the page may say so. */
const PATIENCE_MS = 5_000;
/** Between an answer and the end of the document that has no time to show it. */
const LEAVING_MS = 500;

interface Failure {
  page: Page;
  at: number;
  text: string;
}

/**
 * Requests of a page that somebody has asked for and that failed, and of which the page said nothing. Reading is left out, since the page reads until it knows; so are
 * turns, which the client repeats, and what was wanted gone and is gone.
 */
export class UnseenFailures {
  private readonly failures: Failure[] = [];
  private readonly said: { page: Page; at: number }[] = [];
  /** Documents that were left. */
  private readonly left: { page: Page; at: number }[] = [];

  static async watch(context: BrowserContext): Promise<UnseenFailures> {
    const watched = new UnseenFailures();
    await context.exposeBinding('saysFailure', ({ page }) => watched.said.push({ page, at: Date.now() }));
    await context.addInitScript(`new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes)
        if (node.matches?.('[role=alert], .toast.failure') || node.querySelector?.('[role=alert], .toast.failure')) saysFailure();
    }).observe(document, { childList: true, subtree: true })`);
    context.on('response', (response) => {
      const status = response.status();
      if (status >= 400) watched.add(response.request(), status);
    });
    // Whoever leaves a document needs no word of what it had asked for: neither if that is broken off, nor if its answer has just come.
    context.on('request', (request) => {
      if (request.isNavigationRequest()) watched.left.push({ page: request.frame().page(), at: Date.now() });
    });
    context.on('requestfailed', (request) => {
      if (request.failure()?.errorText !== 'net::ERR_ABORTED') watched.add(request);
    });
    return watched;
  }

  private add(request: Request, status?: number): void {
    const page = request.frame().page();
    const method = request.method();
    const { pathname } = new URL(request.url());
    const isTurn = method === 'POST' && /\/chat\b|\/(edit|regenerate|continue)$/.test(pathname);
    const isGone = status === 404 && (method === 'DELETE' || pathname.endsWith('/stop'));
    const isAutomatic = pathname.endsWith('/read');
    if (method === 'GET' || isGone || isAutomatic || (isTurn && (status === undefined || status >= 500)))
      return;
    const text = `${method} ${pathname} ${status ?? request.failure()?.errorText}`;
    this.failures.push({ page, at: Date.now(), text });
  }

  list(): string[] {
    const isSeen = ({ page, at }: Failure) =>
      this.said.some((word) => word.page === page && word.at > at - 500 && word.at < at + PATIENCE_MS) ||
      this.left.some((leave) => leave.page === page && Math.abs(leave.at - at) < LEAVING_MS);
    return this.failures.filter((failure) => !isSeen(failure)).map(({ text }) => text);
  }
}
