import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SessionsAndAudit1796000003000 implements MigrationInterface {
  name = 'SessionsAndAudit1796000003000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    // Sessions that are there already get their key and salt at their next refresh, and have vouched for nothing lately.
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD "token_key" bytea
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD "salt" bytea
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD "rotated_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD "authenticated_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ALTER COLUMN "authenticated_at" SET DEFAULT now()
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_audit_events_actor" ON "audit_events" ("actor")
            WHERE actor IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_audit_events_created_at" ON "audit_events" ("created_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_audit_events_logins" ON "audit_events" ("subject", "created_at")
            WHERE action = 'login.succeeded'
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."ix_audit_events_logins"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_audit_events_created_at"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_audit_events_actor"
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP COLUMN "authenticated_at"
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP COLUMN "rotated_at"
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP COLUMN "salt"
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP COLUMN "token_key"
        `);
  }
}
