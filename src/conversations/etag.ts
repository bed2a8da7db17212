/** Documents the header of responses that carry a conversation. */
export const ETAG_HEADER = {
  ETag: { description: 'The version, for `If-Match`.', schema: { type: 'string' as const, example: '"1"' } },
};

/** The version of a conversation as an entity tag (RFC 9110 §8.8.3). */
export function toETag(conversation: { version: number }): string {
  return `"${conversation.version}"`;
}

/**
 * The versions that an `If-Match` allows; undefined if it allows any. A tag that is not ours matches nothing. A weak tag is the same version:
 * proxies that compress answers make tags weak, or add the encoding to them (Apache: `"2-gzip"`). The strong comparison of RFC 9110 §13.1.1 is
 * about equal bytes, and a version is of the content.
 */
export function versionsOf(ifMatch: string | undefined): number[] | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  return ifMatch.split(',').flatMap((tag) => {
    const version = /^(?:W\/)?"(\d{1,9})(?:-(?:gzip|br|zstd|deflate))?"$/.exec(tag.trim());
    return version ? [Number(version[1])] : [];
  });
}
