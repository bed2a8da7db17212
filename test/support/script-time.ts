import type { Page } from 'playwright-core';

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds. */
  ts: number;
  dur?: number;
  /** Of these, those that the thread had the processor. */
  tdur?: number;
  args?: { name?: string };
}

const SCRIPTS = new Set([
  'EvaluateScript',
  'EventDispatch',
  'FireAnimationFrame',
  'FunctionCall',
  'RunMicrotasks',
  'TimerFire',
  'v8.callFunction',
]);
const FRAME = 'AnimationFrame::Render';

/**
 * Milliseconds of processor time that the scripts of a page take for each of its frames while something happens. The time of the thread, not of the clock: others use
 * the machine as well.
 */
export async function scriptingPerFrame(page: Page, act: () => Promise<unknown>): Promise<number[]> {
  const browser = page.context().browser();
  if (!browser) throw new Error('This page has no browser.');
  const categories = [
    'devtools.timeline',
    'disabled-by-default-devtools.timeline',
    'v8.execute',
    '__metadata',
  ];
  await browser.startTracing(page, { categories });
  await act();
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as {
    traceEvents: TraceEvent[];
  };
  return framesOf(traceEvents);
}

function framesOf(events: TraceEvent[]): number[] {
  const own = eventsOfPage(events).toSorted((a, b) => a.ts - b.ts);
  const frames: number[] = [];
  let end = 0;
  for (const { name, ph, ts, dur = 0, tdur } of own) {
    if (name === FRAME && ph === 'b') frames.push(0);
    // What runs within another one is in its time.
    else if (ph === 'X' && SCRIPTS.has(name) && ts >= end && frames.length > 0) {
      end = ts + dur;
      frames[frames.length - 1] += (tdur ?? dur) / 1_000;
    }
  }
  return frames;
}

/** Those of the main thread that ran the most scripts. */
function eventsOfPage(events: TraceEvent[]): TraceEvent[] {
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const isMain = ({ name, args }: TraceEvent) => name === 'thread_name' && args?.name === 'CrRendererMain';
  const threads = new Map(events.filter(isMain).map((event) => [threadOf(event), [] as TraceEvent[]]));
  for (const event of events) threads.get(threadOf(event))?.push(event);
  const scripts = (list: TraceEvent[]) => list.filter(({ name }) => SCRIPTS.has(name)).length;
  return [...threads.values()].toSorted((a, b) => scripts(b) - scripts(a))[0] ?? [];
}
