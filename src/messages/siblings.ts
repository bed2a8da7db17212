/** A message's place among the versions of it: the messages with the same parent, oldest first. */
export interface Siblings {
  sibling_count: number;
  /** 1 for the oldest. */
  sibling_position: number;
  /** Ids of the versions nearest to the message, itself included, oldest first: at most `STORAGE_BOUNDS.listedVersions`. */
  sibling_ids: string[];
  /** Present if there are more versions than `sibling_ids` lists. */
  sibling_ids_truncated?: true;
}
