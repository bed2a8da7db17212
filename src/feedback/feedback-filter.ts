/** Which feedback is meant; what is absent narrows nothing. */
export interface FeedbackFilter {
  message_id?: string;
  conversation_id?: string;
  rating?: number;
  /** The model that replied. */
  model?: string;
  tag?: string;
  /** Given at this moment or later. */
  from?: Date;
  /** Given at this moment or before. */
  to?: Date;
}

/** What the rows of a summary are about. */
export const FEEDBACK_GROUPS = ['model', 'day', 'tag'] as const;
export type FeedbackGroup = (typeof FEEDBACK_GROUPS)[number];

/** After or before which entry a page begins; the time in ISO 8601. */
export interface FeedbackPosition {
  created_at: string;
  id: string;
}

const CONDITIONS: Readonly<Record<keyof FeedbackFilter, (value: string) => string>> = {
  message_id: (value) => `f.message_id = ${value}`,
  conversation_id: (value) => `f.conversation_id = ${value}`,
  rating: (value) => `f.rating = ${value}`,
  model: (value) => `m.model = ${value}`,
  tag: (value) => `${value} = ANY(f.tags)`,
  from: (value) => `f.created_at >= ${value}`,
  to: (value) => `f.created_at <= ${value}`,
};

/** SQL for feedback `f` with the reply `m` that it is on; none of a conversation that is being removed meets `IN_A_CONVERSATION`. */
export const RATED = 'feedback f JOIN messages m ON m.id = f.message_id AND m.user_id = f.user_id';
export const IN_A_CONVERSATION =
  'EXISTS (SELECT 1 FROM conversations c WHERE c.id = f.conversation_id AND c.user_id = f.user_id AND c.deleted_at IS NULL)';

/** SQL for the conditions on a row of `RATED`; the values are added to the parameters. */
export function conditionsOf(filter: FeedbackFilter, parameters: unknown[]): string {
  const names = (Object.keys(CONDITIONS) as (keyof FeedbackFilter)[]).filter(
    (name) => filter[name] !== undefined,
  );
  const conditions = names.map((name) => CONDITIONS[name](`$${parameters.push(filter[name])}`));
  return [IN_A_CONVERSATION, ...conditions].join(' AND ');
}
