import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Lists have pinned conversations first, so that the index of the list has them first as well; it takes the place of the one before. What nobody
 * has read is a mark of the conversation, with a constant default, so that no row is rewritten.
 */
export class ConversationLists1796000014500 implements MigrationInterface {
  name = 'ConversationLists1796000014500';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "conversations" ADD "unread" boolean NOT NULL DEFAULT false
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_conversations_pinned_list" ON "conversations" ("user_id", "archived", "pinned", "last_activity_at", "id")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_conversations_list"
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE INDEX "ix_conversations_list" ON "conversations" ("user_id", "archived", "last_activity_at", "id")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_conversations_pinned_list"
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations" DROP COLUMN "unread"
        `);
  }
}
