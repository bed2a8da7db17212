import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Feedback has tags, with a constant default, so that no row is rewritten. Administrators read everybody's in the order in which it was given. */
export class FeedbackTags1796000016000 implements MigrationInterface {
  name = 'FeedbackTags1796000016000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "feedback" ADD "tags" text array NOT NULL DEFAULT '{}'
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_feedback_all" ON "feedback" ("created_at", "id")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."ix_feedback_all"
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback" DROP COLUMN "tags"
        `);
  }
}
