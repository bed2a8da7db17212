import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OwnProviders1795245371951 implements MigrationInterface {
  name = 'OwnProviders1795245371951';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "providers" (
                "id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "name" character varying(40) NOT NULL,
                "base_url" character varying(2048) NOT NULL,
                "models" jsonb NOT NULL,
                "key_id" character varying(16) NOT NULL,
                "nonce" bytea NOT NULL,
                "ciphertext" bytea NOT NULL,
                "key_last4" character varying(4) NOT NULL,
                "version" integer NOT NULL DEFAULT '1',
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_providers" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_providers_key_id" ON "providers" ("key_id", "id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_providers_list" ON "providers" ("user_id", "created_at", "id")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_providers_name" ON "providers" ("user_id", "name")
        `);
    await queryRunner.query(`
            ALTER TABLE "providers"
            ADD CONSTRAINT "fk_providers_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "providers" DROP CONSTRAINT "fk_providers_user"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_providers_name"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_providers_list"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_providers_key_id"
        `);
    await queryRunner.query(`
            DROP TABLE "providers"
        `);
  }
}
