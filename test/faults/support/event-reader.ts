import type { IncomingMessage } from 'node:http';

/** One event as it came over the wire. */
export interface WireEvent {
  id: string;
  json: string;
}

/** How a stream ended. `silent`: not even a heartbeat came any more. */
export type StreamEnding = 'complete' | 'cut' | 'left' | 'silent';

/** Many heartbeats. */
const SILENCE_MS = 12_000;

/** Reads a stream to its end, however that comes; `take` answers false to leave. Throws for bytes that are no frames. */
export function readEvents(
  response: IncomingMessage,
  take: (event: WireEvent) => boolean,
): Promise<StreamEnding> {
  return new Promise((resolve, reject) => {
    let rest = '';
    const end = (ending: StreamEnding) => {
      clearTimeout(silence);
      resolve(ending);
      response.destroy();
    };
    const silence = setTimeout(() => end('silent'), SILENCE_MS);
    response.setEncoding('utf8');
    response.on('error', () => end('cut'));
    response.on('close', () => end(response.complete && !rest ? 'complete' : 'cut'));
    response.on('data', (text: string) => {
      silence.refresh();
      rest += text;
      try {
        for (let frame = next(rest); frame; frame = next(rest)) {
          rest = rest.slice(frame[0].length);
          if (frame[1] !== undefined && !take({ id: frame[1], json: frame[2] })) return end('left');
        }
      } catch (error) {
        reject(error);
        end('left');
      }
    });
  });
}

/** A heartbeat or a whole event. */
function next(rest: string): RegExpExecArray | undefined {
  const frame = /^(?:: ping\n|id: ([0-9a-f-]{36}:\d+)\ndata: (\{[^\n\r]*\})\n\n)/.exec(rest);
  if (frame) return frame;
  if (rest.includes('\n\n')) throw new Error(`Not a frame: ${rest.slice(0, 300)}`);
  return undefined;
}
