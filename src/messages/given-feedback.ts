/** The user's feedback on a message, as it is shown with the message. */
export interface GivenFeedback {
  id: string;
  rating: number;
  comment: string | null;
  tags: string[];
}

/**
 * SQL for the user's feedback on a message, null without one. Feedback is a feature above messages, whose table is read here so that a page of
 * messages stays one statement.
 * @param user SQL for the id of the user
 * @param message SQL for the id of the message
 */
export function feedbackOn(user: string, message: string): string {
  return `(SELECT jsonb_build_object('id', f.id, 'rating', f.rating, 'comment', f.comment, 'tags', to_jsonb(f.tags))
    FROM feedback f WHERE f.user_id = ${user} AND f.message_id = ${message})`;
}

/** SQL for the bytes that feedback adds to `stored_bytes` of its conversation: its texts in UTF-8. `row` is its name in the statement. */
export function feedbackBytes(row: string): string {
  return `(COALESCE(octet_length(${row}.comment), 0) + octet_length(array_to_string(${row}.tags, '')))`;
}
