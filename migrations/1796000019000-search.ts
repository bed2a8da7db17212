import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What can be found by search. What is there already is indexed by a job, conversation by conversation (`indexed_from`), while the service runs. The index keeps no list of what is yet to be sorted in (`fastupdate`),
 * which each search of anybody would have to go through.
 */
export class Search1796000019000 implements MigrationInterface {
  name = 'Search1796000019000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "search_entries" (
                "id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "conversation_id" uuid NOT NULL,
                "role" character varying(16),
                "segment" integer NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "tokens" tsvector NOT NULL,
                CONSTRAINT "pk_search_entries" PRIMARY KEY ("id", "user_id")
            ) WITH (autovacuum_vacuum_scale_factor = 0.02)
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_search_entries_tokens" ON "search_entries" USING gin ("tokens") WITH (fastupdate = off)
        `);
    await queryRunner.query(`
            CREATE TABLE "search_segments" (
                "user_id" character varying(128) NOT NULL,
                "segment" integer NOT NULL,
                "opened_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "from_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "to_at" TIMESTAMP(3) WITH TIME ZONE,
                "entries" integer NOT NULL DEFAULT '0',
                CONSTRAINT "pk_search_segments" PRIMARY KEY ("user_id", "segment"),
                CONSTRAINT "fk_search_segments_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE NO ACTION ON UPDATE NO ACTION
            )
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations" ADD "indexed_from" integer
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_conversations_unindexed" ON "conversations" ("id")
            WHERE indexed_from IS NULL OR indexed_from > 0
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP INDEX "public"."ix_conversations_unindexed"`);
    await queryRunner.query(`ALTER TABLE "conversations" DROP COLUMN "indexed_from"`);
    await queryRunner.query(`DROP TABLE "search_segments"`);
    await queryRunner.query(`DROP TABLE "search_entries"`);
  }
}
