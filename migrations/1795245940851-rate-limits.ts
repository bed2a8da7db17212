import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RateLimits1795245940851 implements MigrationInterface {
  name = 'RateLimits1795245940851';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "rate_limits" (
                "key" bytea NOT NULL,
                "used" integer NOT NULL,
                "granted" integer NOT NULL,
                "window_ends" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_rate_limits" PRIMARY KEY ("key")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_rate_limits_window_ends" ON "rate_limits" ("window_ends")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP INDEX "public"."ix_rate_limits_window_ends"
        `);
    await queryRunner.query(`
            DROP TABLE "rate_limits"
        `);
  }
}
