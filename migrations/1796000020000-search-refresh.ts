import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is said is indexed before the next search and no longer by the turn, so that a turn costs nothing of it. Conversations of before have nothing
 * to be indexed (null) until their next turn.
 */
export class SearchRefresh1796000020000 implements MigrationInterface {
  name = 'SearchRefresh1796000020000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "conversations" ADD "indexed_to" integer
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_conversations_to_index" ON "conversations" ("user_id")
            WHERE indexed_to < last_sequence
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."ix_conversations_to_index"`);
    await queryRunner.query(`ALTER TABLE "conversations" DROP COLUMN "indexed_to"`);
  }
}
