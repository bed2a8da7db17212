/** The version of a conversation as an entity tag (RFC 9110 §8.8.3). */
export function toETag(conversation: { version: number }): string {
  return `"${conversation.version}"`;
}

/** The versions an `If-Match` allows; undefined if it allows any. A tag that is not ours matches nothing. */
export function versionsOf(ifMatch: string | undefined): number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  return ifMatch.split(',').flatMap((tag) => {
    const version = /^"(\d{1,9})"$/.exec(tag.trim());
    return version ? [Number(version[1])] : [];
  });
}
