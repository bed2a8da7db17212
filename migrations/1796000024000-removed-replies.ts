import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Conversations know which replies were removed last, so that a feed that had read one goes on. */
export class RemovedReplies1796000024000 implements MigrationInterface {
  name = 'RemovedReplies1796000024000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "conversations" ADD "removed_replies" jsonb`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "conversations" DROP COLUMN "removed_replies"`);
  }
}
