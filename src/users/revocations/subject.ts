import { createHash } from 'node:crypto';

/**
 * By what processes tell each other of whom something has changed: the SHA-256 of the user's id in base64url. Whoever knows the id
 * recognises it, and of somebody who was erased no id is left in the table.
 */
export function subjectOf(userId: string): string {
  return createHash('sha256').update(userId).digest('base64url');
}
