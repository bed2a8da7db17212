/**
 * Removes rows slice after slice, until a slice is not full or the signal ends it. No statement removes more than `limit` rows, so that
 * none takes long. Answers how many are gone.
 */
export async function removeInSlices(
  limit: number,
  remove: (limit: number) => Promise<number>,
  signal?: AbortSignal,
): Promise<number> {
  let removed = 0;
  for (;;) {
    const slice = await remove(limit);
    removed += slice;
    if (slice < limit || signal?.aborted) return removed;
  }
}
