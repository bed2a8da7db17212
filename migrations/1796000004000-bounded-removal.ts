import type { MigrationInterface, QueryRunner } from 'typeorm';

/** No foreign key to these removes rows by itself any more: what is removed is removed in slices. */
const REFERENCES = [
  ['api_keys', 'user_id', 'fk_api_keys_user', 'users'],
  ['conversations', 'user_id', 'fk_conversations_user', 'users'],
  ['feedback', 'user_id', 'fk_feedback_user', 'users'],
  ['idempotency_keys', 'user_id', 'fk_idempotency_keys_user', 'users'],
  ['past_usage', 'user_id', 'fk_past_usage_user', 'users'],
  ['providers', 'user_id', 'fk_providers_user', 'users'],
  ['sessions', 'user_id', 'fk_sessions_user', 'users'],
  ['stream_tickets', 'user_id', 'fk_stream_tickets_user', 'users'],
  ['messages', 'conversation_id', 'fk_messages_conversation', 'conversations'],
] as const;

export class BoundedRemoval1796000004000 implements MigrationInterface {
  name = 'BoundedRemoval1796000004000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "idempotency_keys"
            ADD "resource_id" uuid,
            ADD "status" smallint
        `);
    // Ids instead of contents. NULL, so that the new row versions do not hold them in the column that is dropped.
    await queryRunner.query(`
            UPDATE "idempotency_keys" SET "resource_id" = COALESCE(
                    result->>'message_id',
                    result->'copy'->>'id',
                    result->'feedback'->>'id',
                    result->>'id'
                )::uuid,
                "status" = CASE
                    WHEN result ? 'message_id' OR result->>'created' = 'false' THEN 200
                    ELSE 201
                END,
                "result" = NULL
        `);
    await queryRunner.query(`
            DELETE FROM "idempotency_keys" WHERE "resource_id" IS NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "idempotency_keys" DROP COLUMN "result",
            ADD CONSTRAINT "ck_idempotency_keys_outcome" CHECK ((resource_id IS NULL) = (status IS NULL))
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "erased_as" character varying(48)
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_users_erased" ON "users" ("id")
            WHERE erased_as IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations"
            ADD "stored_bytes" bigint NOT NULL DEFAULT '0',
            ADD "message_count" integer NOT NULL DEFAULT '0',
            ADD "deleted_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    // Each turn changes its conversation's row twice; with room in its page no index has to be told.
    await queryRunner.query(`ALTER TABLE "conversations" SET (fillfactor = 85)`);
    await queryRunner.query(`
            CREATE INDEX "ix_conversations_deleted" ON "conversations" ("deleted_at")
            WHERE deleted_at IS NOT NULL
        `);
    await this.count(queryRunner);
    await this.refer(queryRunner, 'NO ACTION');
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    // What is being removed goes now: the version before does not know that nobody may see it.
    await this.refer(queryRunner, 'CASCADE');
    await queryRunner.query(`
            DELETE FROM "users" WHERE "erased_as" IS NOT NULL
        `);
    await queryRunner.query(`
            DELETE FROM "conversations" WHERE "deleted_at" IS NOT NULL
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_conversations_deleted"
        `);
    await queryRunner.query(`ALTER TABLE "conversations" RESET (fillfactor)`);
    await queryRunner.query(`
            ALTER TABLE "conversations" DROP COLUMN "deleted_at",
            DROP COLUMN "message_count",
            DROP COLUMN "stored_bytes"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_users_erased"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "erased_as"
        `);
    // The contents are not there any more.
    await queryRunner.query(`
            DELETE FROM "idempotency_keys"
        `);
    await queryRunner.query(`
            ALTER TABLE "idempotency_keys" DROP CONSTRAINT "ck_idempotency_keys_outcome",
            DROP COLUMN "status",
            DROP COLUMN "resource_id",
            ADD "result" jsonb
        `);
  }

  /** As `admin recount` does it. */
  private async count(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            UPDATE "conversations" c SET "message_count" = COALESCE(m.count, 0),
                "stored_bytes" = COALESCE(octet_length(c.title), 0) + COALESCE(octet_length(c.system_prompt), 0)
                    + octet_length(c.settings::text) + octet_length(c.metadata::text)
                    + COALESCE(m.bytes, 0) + COALESCE(f.bytes, 0)
            FROM "conversations" own
            LEFT JOIN (
                SELECT conversation_id, count(*) AS count, sum(
                    CASE WHEN status IN ('queued', 'streaming') THEN 0
                    ELSE octet_length(parts::text) - 2 + COALESCE(octet_length(event_lengths), 0) END
                ) AS bytes
                FROM "messages" GROUP BY conversation_id
            ) m ON m.conversation_id = own.id
            LEFT JOIN (
                SELECT conversation_id, sum(octet_length(comment)) AS bytes FROM "feedback" GROUP BY conversation_id
            ) f ON f.conversation_id = own.id
            WHERE c.id = own.id
        `);
  }

  private async refer(queryRunner: QueryRunner, onDelete: 'NO ACTION' | 'CASCADE'): Promise<void> {
    for (const [table, column, constraint, target] of REFERENCES) {
      // NOT VALID: what is there was checked by the constraint before, and to check it again would lock both for as long as it takes.
      await queryRunner.query(`
            ALTER TABLE "${table}" DROP CONSTRAINT "${constraint}",
            ADD CONSTRAINT "${constraint}" FOREIGN KEY ("${column}") REFERENCES "${target}"("id") ON DELETE ${onDelete} ON UPDATE NO ACTION NOT VALID
        `);
    }
  }
}
