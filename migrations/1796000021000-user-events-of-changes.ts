import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What one change tells is one row, and the index of times is one of ranges, since rows are written in the order of their times: a turn writes a
 * sixth of what it did for its events. There are events of two hours at most.
 */
export class UserEventsOfChanges1796000021000 implements MigrationInterface {
  name = 'UserEventsOfChanges1796000021000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."ix_user_events_created_at"`);
    await queryRunner.query(`
            ALTER TABLE "user_events" ALTER COLUMN "data" TYPE json USING json_build_array(json_build_object('type', "type", 'data', "data"))
        `);
    await queryRunner.query(`ALTER TABLE "user_events" DROP COLUMN "type"`);
    await queryRunner.query(`ALTER TABLE "user_events" RENAME COLUMN "data" TO "events"`);
    await queryRunner.query(`
            CREATE INDEX "ix_user_events_created_at" ON "user_events" USING brin ("created_at")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."ix_user_events_created_at"`);
    await queryRunner.query(`
            CREATE TEMPORARY TABLE "single_events" ON COMMIT DROP AS
            SELECT c."user_id", c."seq" - json_array_length(c."events") + e.ord AS "seq", e.value ->> 'type' AS "type", (e.value -> 'data')::jsonb AS "data", c."created_at"
            FROM "user_events" c, json_array_elements(c."events") WITH ORDINALITY AS e (value, ord)
        `);
    await queryRunner.query(`DELETE FROM "user_events"`);
    await queryRunner.query(`ALTER TABLE "user_events" DROP COLUMN "events"`);
    await queryRunner.query(`ALTER TABLE "user_events" ADD "type" character varying(32) NOT NULL`);
    await queryRunner.query(`ALTER TABLE "user_events" ADD "data" jsonb NOT NULL`);
    await queryRunner.query(`
            INSERT INTO "user_events" ("user_id", "seq", "type", "data", "created_at")
            SELECT "user_id", "seq", "type", "data", "created_at" FROM "single_events"
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_user_events_created_at" ON "user_events" ("created_at")
        `);
  }
}
