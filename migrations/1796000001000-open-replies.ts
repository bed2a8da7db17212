import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What changes while a reply is written moves from `messages` to `open_replies`, and the journal is fenced by a row of its own
 * (batch 0) instead of a foreign key. Replies that the version before left open get their row, and its journals their fence, so that they
 * are recovered like any other: from the first batch on.
 */
export class OpenReplies1796000001000 implements MigrationInterface {
  name = 'OpenReplies1796000001000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "open_replies" (
                "message_id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "conversation_id" uuid NOT NULL,
                "instance_id" uuid NOT NULL,
                "first_batch" integer NOT NULL,
                "stop_requested" boolean NOT NULL DEFAULT false,
                "awaited" boolean NOT NULL DEFAULT false,
                "parts" jsonb,
                "event_lengths" bytea,
                CONSTRAINT "pk_open_replies" PRIMARY KEY ("message_id", "user_id")
            )
        `);
    await queryRunner.query(`
            INSERT INTO "open_replies" (
                "message_id", "user_id", "conversation_id", "instance_id", "first_batch", "stop_requested", "awaited"
            )
            SELECT "id", "user_id", "conversation_id", "instance_id", 1, "stop_requested", "awaited"
            FROM "messages"
            WHERE "instance_id" IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_open_replies_conversation" ON "open_replies" ("conversation_id", "user_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_open_replies_instance" ON "open_replies" ("instance_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_open_replies_user" ON "open_replies" ("user_id")
        `);
    await queryRunner.query(`
            ALTER TABLE "open_replies"
            ADD CONSTRAINT "fk_open_replies_message" FOREIGN KEY ("message_id") REFERENCES "messages"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "reply_journal" DROP CONSTRAINT "fk_reply_journal_instance"
        `);
    await queryRunner.query(`
            INSERT INTO "reply_journal" ("instance_id", "batch", "payload")
            SELECT "id", 0, '' FROM "instances"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_streaming"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_instance"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "ck_messages_open_has_writer",
            DROP CONSTRAINT "fk_messages_instance",
            DROP COLUMN "instance_id",
            DROP COLUMN "stop_requested",
            DROP COLUMN "awaited"
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "instance_id" uuid,
            ADD "stop_requested" boolean NOT NULL DEFAULT false,
            ADD "awaited" boolean NOT NULL DEFAULT false
        `);
    // The version before knows no checkpoints: what they hold would be lost, so those replies end here, with it.
    await queryRunner.query(`
            UPDATE "messages" m SET "status" = 'interrupted', "parts" = coalesce(o."parts", '[]'),
              "event_lengths" = o."event_lengths", "error" = jsonb_build_object(
                'code', 'interrupted',
                'message', 'The service was interrupted during this reply.',
                'retryable', true
            )
            FROM "open_replies" o WHERE o."message_id" = m."id"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "fk_messages_instance" FOREIGN KEY ("instance_id") REFERENCES "instances"("id") ON DELETE NO ACTION ON UPDATE NO ACTION,
            ADD CONSTRAINT "ck_messages_open_has_writer" CHECK (
                    (status = 'streaming') = (instance_id IS NOT NULL)
                )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_instance" ON "messages" ("instance_id")
            WHERE instance_id IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_streaming" ON "messages" ("conversation_id")
            WHERE status = 'streaming'
        `);
    await queryRunner.query(`
            DELETE FROM "reply_journal"
        `);
    await queryRunner.query(`
            ALTER TABLE "reply_journal"
            ADD CONSTRAINT "fk_reply_journal_instance" FOREIGN KEY ("instance_id") REFERENCES "instances"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            DROP TABLE "open_replies"
        `);
  }
}
