import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ReplyJournal1795233722640 implements MigrationInterface {
  name = 'ReplyJournal1795233722640';

  public async up(queryRunner: QueryRunner): Promise<void> {
    // From now on only open replies name their process, and none of those before can be open any more.
    await queryRunner.query(`
            UPDATE "messages" SET "status" = 'interrupted', "error" = jsonb_build_object(
                'code', 'interrupted',
                'message', 'The service was interrupted during this reply.',
                'retryable', true
            )
            WHERE "status" = 'streaming'
        `);
    await queryRunner.query(`
            UPDATE "messages" SET "instance_id" = NULL WHERE "instance_id" IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE TABLE "reply_journal" (
                "instance_id" uuid NOT NULL,
                "batch" integer NOT NULL,
                "payload" text NOT NULL,
                CONSTRAINT "pk_reply_journal" PRIMARY KEY ("instance_id", "batch")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_instance" ON "messages" ("instance_id")
            WHERE instance_id IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "ck_messages_open_has_writer" CHECK (
                    (status = 'streaming') = (instance_id IS NOT NULL)
                )
        `);
    await queryRunner.query(`
            ALTER TABLE "reply_journal"
            ADD CONSTRAINT "fk_reply_journal_instance" FOREIGN KEY ("instance_id") REFERENCES "instances"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "fk_messages_instance" FOREIGN KEY ("instance_id") REFERENCES "instances"("id") ON DELETE NO ACTION ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "fk_messages_instance"
        `);
    await queryRunner.query(`
            ALTER TABLE "reply_journal" DROP CONSTRAINT "fk_reply_journal_instance"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "ck_messages_open_has_writer"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_instance"
        `);
    await queryRunner.query(`
            DROP TABLE "reply_journal"
        `);
  }
}
