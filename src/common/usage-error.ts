/** It cannot be done as it was asked for; the message says why. */
export class UsageError extends Error {}
