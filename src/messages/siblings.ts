/** A message's place among the versions of it: the messages with the same parent, oldest first. */
export interface Siblings {
  sibling_count: number;
  /** 1 for the oldest. */
  sibling_position: number;
}
