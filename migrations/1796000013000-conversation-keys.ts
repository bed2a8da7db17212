import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A conversation may have a key of the client's, of which a user has one each; what a reply was among its versions when it began is kept
 * with it, so that its log replays as it was streamed. Nothing that is there has either, so no row is written.
 */
export class ConversationKeys1796000013000 implements MigrationInterface {
  name = 'ConversationKeys1796000013000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "conversations" ADD "key" character varying(128)
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_conversations_key" ON "conversations" ("user_id", "key")
            WHERE key IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" ADD "start_places" integer array
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "start_places"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_conversations_key"
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations" DROP COLUMN "key"
        `);
  }
}
