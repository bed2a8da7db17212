/** A message's place among the versions of it: the messages with the same parent, oldest first. */
export interface Siblings {
  sibling_count: number;
  /** 1 for the oldest. */
  sibling_position: number;
  /** Oldest first, itself included: those that are nearest to it, at most `STORAGE_BOUNDS.listedVersions`. */
  sibling_ids: string[];
  /** There are more. */
  sibling_ids_truncated?: true;
}
