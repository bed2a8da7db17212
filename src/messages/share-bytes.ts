/** SQL for the bytes that a share adds to `stored_bytes` of its conversation; `row` is its name in the statement. `usage/` reads it too. */
export function shareBytes(row: string): string {
  return `(COALESCE(octet_length(${row}.title), 0) + COALESCE(octet_length(${row}.kept::text), 0))`;
}
