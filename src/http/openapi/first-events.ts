/** What Swagger UI is given of a request before it is sent. */
interface SwaggerRequest {
  userFetch?: (url: string, options: RequestInit) => Promise<Response>;
}

/**
 * Swagger UI shows an answer when it is whole, and some streams never are: the page gets what comes in five seconds. It runs in the browser, where it comes as its source
 * text, so it refers to nothing outside of itself.
 */
export function showFirstEvents(request: SwaggerRequest): SwaggerRequest {
  request.userFetch = async (url, options) => {
    const response = await fetch(url, options);
    const type = response.headers.get('content-type') ?? '';
    if (!response.body || !type.startsWith('text/event-stream')) return response;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve({ done: true, value: undefined, cut: true }), 5_000);
    });
    for (;;) {
      const piece = (await Promise.race([reader.read(), late])) as {
        done: boolean;
        value?: string;
        cut?: true;
      };
      text += piece.value ?? '';
      if (piece.cut) text += '\n: the stream goes on; this page shows its first five seconds\n';
      if (piece.done) break;
    }
    clearTimeout(timer);
    reader.cancel().catch(() => undefined);
    return new Response(text, {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
    });
  };
  return request;
}
