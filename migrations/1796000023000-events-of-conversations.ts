import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The events of a conversation are found without reading all of its user's. There are events of two hours at most. */
export class EventsOfConversations1796000023000 implements MigrationInterface {
  name = 'EventsOfConversations1796000023000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE INDEX "ix_user_events_conversation" ON "user_events" (("events" -> 0 -> 'data' ->> 'conversation_id'), "user_id")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."ix_user_events_conversation"`);
  }
}
