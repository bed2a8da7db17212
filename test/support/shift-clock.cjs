/*
 * Another clock, in every thread: loaded by `NODE_OPTIONS=--require …/shift-clock.cjs` into a service that knows nothing of it, with
 * `CLOCK_SHIFT_S=<seconds>`.
 */
const shiftMs = Number(process.env.CLOCK_SHIFT_S ?? 0) * 1000;
const now = Date.now.bind(Date);
const shifted = () => now() + shiftMs;

Date.now = shifted;
globalThis.Date = new Proxy(Date, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length ? args : [shifted()], newTarget),
  apply: () => new Date().toString(),
});
