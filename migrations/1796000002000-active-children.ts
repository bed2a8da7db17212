import type { MigrationInterface, QueryRunner } from 'typeorm';

export class ActiveChildren1796000002000 implements MigrationInterface {
  name = 'ActiveChildren1796000002000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "active_child_id" uuid
        `);
    // Which child a path went through last is not known of what is there: the newest. Only forks have more than one, and each
    // child but the first begins a branch of its own.
    await queryRunner.query(`
            UPDATE "messages" AS fork
            SET "active_child_id" = newest."id"
            FROM (
                    SELECT DISTINCT ON ("parent_id") "parent_id", "id"
                    FROM "messages"
                    WHERE "branch_id" = "id" AND "parent_id" IS NOT NULL
                    ORDER BY "parent_id", "sequence" DESC
                ) AS newest
            WHERE fork."id" = newest."parent_id"
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_active_child" ON "messages" ("branch_id", "depth")
            WHERE active_child_id IS NOT NULL
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_active_child"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "active_child_id"
        `);
  }
}
