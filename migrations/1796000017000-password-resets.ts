import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Links with which somebody chooses a new password: found by their own key, like all credentials, and referring to no other table. */
export class PasswordResets1796000017000 implements MigrationInterface {
  name = 'PasswordResets1796000017000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "password_resets" (
                "token_hash" bytea NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "expires_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_password_resets" PRIMARY KEY ("token_hash")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_password_resets_expires_at" ON "password_resets" ("expires_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_password_resets_user_id" ON "password_resets" ("user_id")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP TABLE "password_resets"
        `);
  }
}
