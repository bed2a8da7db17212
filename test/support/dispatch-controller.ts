/** What a handler of undici sees of its request: pauses, resumes and aborts are noted, and nothing else happens. */
export const dispatchController = () => ({
  paused: false,
  aborted: false,
  reason: null,
  rawHeaders: null,
  rawTrailers: null,
  pause() {
    this.paused = true;
  },
  resume() {
    this.paused = false;
  },
  abort() {
    this.aborted = true;
  },
});
