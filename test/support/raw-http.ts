import { connect } from 'node:net';

export interface RawAnswer {
  /** 0 if the connection was closed without an answer. */
  status: number;
  headers: Record<string, string>;
  body: string;
  /** How many answers came on the connection. */
  count: number;
}

/** Sends exactly these bytes and reads until the server closes the connection, or is silent: for `silentMs` at first, for `idleMs` after anything has come. */
export function sendRaw(
  url: string,
  bytes: string | Buffer,
  { silentMs = 15_000, idleMs = 500 } = {},
): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setTimeout(silentMs, () => socket.destroy());
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      socket.setTimeout(idleMs);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(parseAnswer(Buffer.concat(chunks).toString('latin1'))));
  });
}

function parseAnswer(text: string): RawAnswer {
  const [head, ...rest] = text.replace(/^HTTP\/1\.1 100 Continue\r\n\r\n/, '').split('\r\n\r\n');
  const [statusLine, ...lines] = head.split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers,
    body: rest.join('\r\n\r\n'),
    count: text.match(/^HTTP\/1\.1 (?!100)/gm)?.length ?? 0,
  };
}
