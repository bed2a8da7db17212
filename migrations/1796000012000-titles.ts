import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Where the title of a conversation comes from. A title that is there may be a person's, and counts as one, as it always did: nothing
 * replaces it. What titles have used is kept with what is gone, apart from replies.
 */
export class Titles1796000012000 implements MigrationInterface {
  name = 'Titles1796000012000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    // A constant default rewrites nothing: rows that are there have it without being written.
    await queryRunner.query(`
            ALTER TABLE "conversations"
            ADD "title_source" character varying(8) NOT NULL DEFAULT 'user',
            ADD "title_job_id" uuid
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations"
            ALTER COLUMN "title_source" SET DEFAULT 'auto'
        `);
    await queryRunner.query(`
            ALTER TABLE "past_usage"
            ADD "kind" character varying(8) NOT NULL DEFAULT 'reply',
            DROP CONSTRAINT "pk_past_usage",
            ADD CONSTRAINT "pk_past_usage" PRIMARY KEY ("user_id", "day", "model", "kind")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DELETE FROM "past_usage" WHERE "kind" <> 'reply'
        `);
    await queryRunner.query(`
            ALTER TABLE "past_usage"
            DROP CONSTRAINT "pk_past_usage",
            DROP COLUMN "kind",
            ADD CONSTRAINT "pk_past_usage" PRIMARY KEY ("user_id", "day", "model")
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations"
            DROP COLUMN "title_job_id",
            DROP COLUMN "title_source"
        `);
  }
}
