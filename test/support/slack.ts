/** Time that a busy machine may add to what a test waits for, in milliseconds. What such a test looks for takes far longer, or never comes. */
export const SLACK_MS = 4_000;
