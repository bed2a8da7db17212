/**
 * Statements on a user's table that do not name the user, by their text (white space as one blank), and why they need not. Sweeps, recovery by
 * instance, administrators' lists and look-ups by key are the only reasons.
 */
export const EXEMPTIONS = [
  {
    statement:
      /^SELECT EXISTS \(SELECT 1 FROM conversations WHERE deleted_at IS NULL AND \(indexed_from IS NULL/,
    reason: 'Sweep: whether anything is left to be indexed for search, whosever it is.',
  },
  {
    statement:
      /^SELECT id, user_id, title, created_at, indexed_from FROM conversations c WHERE .* FOR NO KEY UPDATE SKIP LOCKED$/,
    reason:
      'Sweep: the next conversations to be indexed for search, whosever they are; what follows names their user.',
  },
  {
    statement:
      /^SELECT user_id FROM conversations WHERE indexed_to < last_sequence AND deleted_at IS NULL AND user_id > \$1/,
    reason:
      'Sweep: the next user of whom something is to be indexed for search; what follows names this user.',
  },
  {
    statement: /FROM shares s WHERE s\.token_hash = \$1/,
    reason: 'Look-up by key: a link says nothing of whose it is (decision 041).',
  },
  {
    statement: /^SELECT user_id, id, conversation_id FROM shares WHERE expires_at <= now\(\)/,
    reason: 'Sweep: shares whose time is over, whosever they are; what follows names their users.',
  },
  {
    statement: /FROM conversations WHERE id IN \( SELECT id FROM conversations WHERE deleted_at IS NOT NULL/,
    reason:
      'Sweep: the next conversation that is being removed, whosever it is; what follows names its user.',
  },
  {
    statement:
      /^SELECT conversation_id, user_id FROM \( SELECT DISTINCT ON \(q\.conversation_id, q\.user_id\) .* FROM messages q WHERE jsonb_typeof\(q\.queued_request\)/,
    reason: 'Sweep: conversations in which something waits and nothing runs; what follows names their users.',
  },
  {
    statement: /^WITH first AS \( SELECT DISTINCT ON .* FROM places ORDER BY position LIMIT \$4$/,
    reason:
      'Sweep: the next replies that wait for a model, whosever they are; what follows names their users.',
  },
  {
    statement:
      /^WITH first AS \( SELECT DISTINCT ON .* SELECT id, position FROM places WHERE id = ANY\(\$4\)$/,
    reason:
      'Look-up by key: places among all that wait for a model, of messages that were read as their users’; one poll for all readers.',
  },
  {
    statement: /^SELECT DISTINCT q\.model FROM messages q WHERE jsonb_typeof\(q\.queued_request\)/,
    reason: 'Sweep: models for which anybody waits.',
  },
  {
    statement: /^SELECT count\(\*\)::int AS all, .* FROM messages q WHERE jsonb_typeof\(q\.queued_request\)/,
    reason: 'A bound of all users together: how many wait for a model. Only numbers leave the database.',
  },
  {
    statement:
      /^SELECT count\(\*\)::int AS queued FROM \(SELECT 1 FROM messages q WHERE jsonb_typeof\(q\.queued_request\)/,
    reason: 'A metric of all users together: how many replies wait. Only a number leaves the database.',
  },
  {
    statement:
      /^DELETE FROM idempotency_keys WHERE \(user_id, key\) IN \( SELECT user_id, key FROM idempotency_keys WHERE created_at </,
    reason: 'Sweep: keys that are too old to be repeated, whosever they are.',
  },
  {
    statement:
      /^WITH gone AS \( DELETE FROM user_events WHERE \(user_id, seq\) IN \( SELECT user_id, seq FROM user_events WHERE created_at </,
    reason: 'Sweep: events that are too old to be resumed from, whosever they are.',
  },
  {
    statement: /^WITH RECURSIVE journals AS/,
    reason: 'Recovery by instance: journals of processes that left no open reply.',
  },
  {
    statement: /^SELECT DISTINCT instance_id FROM open_replies o/,
    reason: 'Recovery by instance: processes that are gone and left replies open.',
  },
  {
    statement:
      /FROM open_replies o WHERE o\.instance_id = \$1 AND \(\$2::uuid IS NULL OR o\.message_id > \$2\)/,
    reason: 'Recovery by instance: the open replies of one process, in pages.',
  },
  {
    statement:
      /FROM open_replies o JOIN messages m ON .* WHERE o\.instance_id = \$1 AND m\.updated_at < \$2$/,
    reason:
      'Recovery by instance: replies of this process that began too long ago and that it does not write.',
  },
  {
    statement: /^WITH gone AS \( DELETE FROM instances WHERE id = \$1 AND NOT EXISTS/,
    reason: 'Recovery by instance: a process without open replies leaves.',
  },
  {
    statement:
      /^SELECT id FROM conversations WHERE \(\$1::uuid IS NULL OR id > \$1\) AND deleted_at IS NULL ORDER BY id LIMIT \$2$/,
    reason: 'Command of an operator: the recount of all counters, in pages.',
  },
  {
    statement: /^SELECT 1 FROM conversations WHERE id = ANY\(\$1\) ORDER BY id FOR NO KEY UPDATE$/,
    reason: 'Command of an operator: locks a page of the recount.',
  },
  {
    statement:
      /^SELECT \* FROM \( SELECT c\.id, c\.stored_bytes, .* WHERE c\.id = ANY\(\$1\) AND c\.deleted_at IS NULL/,
    reason: 'Command of an operator: compares a page of counters with what they count.',
  },
  {
    statement: /^UPDATE conversations c SET stored_bytes = w\.bytes, message_count = w\.messages FROM unnest/,
    reason: 'Command of an operator: corrects counters of a page that is locked.',
  },
  {
    statement: /FROM "providers" "p" WHERE "p"\."key_id" <> \$1/,
    reason: 'Command of an operator: provider keys that are encrypted with an older key, in pages.',
  },
  {
    statement: /^UPDATE "providers" SET "key_id" = \$1, "nonce" = \$2, "ciphertext" = \$3 WHERE "id" = \$4$/,
    reason:
      'Command of an operator: encrypts a provider key of such a page, which is locked, with the newest key.',
  },
  {
    statement: /^SELECT id, user_id, type FROM user_jobs WHERE finished_at IS NULL AND state = 'queued'/,
    reason:
      'Sweep: jobs that were stored and not enqueued, whosever they are; what follows names their users.',
  },
  {
    statement:
      /^WITH gone AS \( DELETE FROM user_jobs WHERE id IN \( SELECT id FROM user_jobs WHERE finished_at </,
    reason: 'Retention: jobs that are over for so long that nobody asks for them.',
  },
  {
    statement:
      /^SELECT DISTINCT m\.conversation_id, m\.user_id FROM messages m JOIN users u .* AND NOT u\.is_active$/,
    reason:
      'Sweep: conversations of locked-out users in which something waits; what follows names their users.',
  },
  {
    statement:
      /^(SELECT|WITH) .*FROM feedback f JOIN messages m ON m\.id = f\.message_id AND m\.user_id = f\.user_id /,
    reason: 'Administrators’ list, summary and export of feedback.',
  },
  {
    statement: /^SELECT "?j"?\.\S+ AS .* FROM "user_jobs" "j" (WHERE (?!.*user_id" = )|ORDER)/,
    reason: 'Administrators’ list of jobs.',
  },
  {
    statement:
      /^SELECT "UserJobEntity"\.\S+ AS .* FROM "user_jobs" "UserJobEntity" WHERE \(?\(?"UserJobEntity"\."id" = \$1\)?\)? LIMIT 1$/,
    reason: 'Administrators’ look-up of a job.',
  },
];
