import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What happens to what users have, for the feed of each (`GET /events`). A head is changed by each turn of its user, and has room for its next version beside it. */
export class UserEvents1796000014000 implements MigrationInterface {
  name = 'UserEvents1796000014000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "user_event_heads" (
                "user_id" character varying(128) NOT NULL,
                "seq" bigint NOT NULL,
                CONSTRAINT "pk_user_event_heads" PRIMARY KEY ("user_id")
            ) WITH (fillfactor = 50)
        `);
    await queryRunner.query(`
            CREATE TABLE "user_events" (
                "user_id" character varying(128) NOT NULL,
                "seq" bigint NOT NULL,
                "type" character varying(32) NOT NULL,
                "data" jsonb NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_user_events" PRIMARY KEY ("user_id", "seq")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_user_events_created_at" ON "user_events" ("created_at")
        `);
    await queryRunner.query(`
            ALTER TABLE "user_event_heads"
            ADD CONSTRAINT "fk_user_event_heads_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE NO ACTION ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP TABLE "user_events"
        `);
    await queryRunner.query(`
            DROP TABLE "user_event_heads"
        `);
  }
}
