import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ReplyQueue1795241700000 implements MigrationInterface {
  name = 'ReplyQueue1795241700000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "stop_requested" boolean NOT NULL DEFAULT false,
            ADD "awaited" boolean NOT NULL DEFAULT false,
            ADD "queued_request" jsonb
        `);
    // NOT VALID: what is there already meets both, and a check of every row would lock the table for as long as it takes.
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "ck_messages_status",
            ADD CONSTRAINT "ck_messages_status" CHECK (
                    status IN ('queued', 'streaming', 'completed', 'stopped', 'failed', 'interrupted')
                ) NOT VALID,
            ADD CONSTRAINT "ck_messages_queued_has_request" CHECK (
                    (status = 'queued') = (queued_request IS NOT NULL)
                ) NOT VALID
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_queued" ON "messages" ("conversation_id", "sequence")
            WHERE status = 'queued'
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            UPDATE "messages" SET "status" = 'stopped', "finish_reason" = 'stopped', "queued_request" = NULL
            WHERE "status" = 'queued'
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_queued"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "ck_messages_queued_has_request",
            DROP CONSTRAINT "ck_messages_status",
            ADD CONSTRAINT "ck_messages_status" CHECK (
                    status IN ('streaming', 'completed', 'stopped', 'failed', 'interrupted')
                ) NOT VALID
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "queued_request",
            DROP COLUMN "awaited",
            DROP COLUMN "stop_requested"
        `);
  }
}
