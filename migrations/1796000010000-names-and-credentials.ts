import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Names and credentials are found by their own keys, and refer to no other table: `account_names` says whose a name is, `admins` who
 * administers, and what a session, key or ticket is worth is asked of its user.
 */
export class NamesAndCredentials1796000010000 implements MigrationInterface {
  name = 'NamesAndCredentials1796000010000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "account_names" (
                "name_key" character varying(254) NOT NULL,
                "kind" character varying(8) NOT NULL,
                "user_id" character varying(128) NOT NULL,
                CONSTRAINT "ck_account_names_kind" CHECK (kind IN ('username', 'email')),
                CONSTRAINT "pk_account_names" PRIMARY KEY ("name_key")
            )
        `);
    await queryRunner.query(`
            INSERT INTO "account_names" ("name_key", "kind", "user_id")
            SELECT "username_key", 'username', "id" FROM "users" WHERE "username_key" IS NOT NULL
            UNION ALL SELECT "email_key", 'email', "id" FROM "users" WHERE "email_key" IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE TABLE "admins" (
                "user_id" character varying(128) NOT NULL,
                CONSTRAINT "pk_admins" PRIMARY KEY ("user_id")
            )
        `);
    await queryRunner.query(`
            INSERT INTO "admins" ("user_id") SELECT "id" FROM "users" WHERE "role" = 'admin' AND "is_active"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_users_username", "public"."uq_users_email"
        `);
    // What is there satisfied the constraint before, so it need not be read again.
    await queryRunner.query(`
            ALTER TABLE "users"
            DROP CONSTRAINT "ck_users_account",
            DROP COLUMN "username_key",
            DROP COLUMN "email_key",
            ADD CONSTRAINT "ck_users_account" CHECK ((username IS NULL) = (password_hash IS NULL)) NOT VALID
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            DROP CONSTRAINT "fk_stream_tickets_user",
            DROP CONSTRAINT "fk_stream_tickets_session",
            DROP CONSTRAINT "fk_stream_tickets_key"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_stream_tickets_session_id", "public"."ix_stream_tickets_key_id"
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP CONSTRAINT "fk_sessions_user"
        `);
    await queryRunner.query(`
            ALTER TABLE "api_keys" DROP CONSTRAINT "fk_api_keys_user"
        `);
    await queryRunner.query(`
            ALTER TABLE "providers"
            DROP CONSTRAINT "pk_providers",
            ADD CONSTRAINT "pk_providers" PRIMARY KEY ("id", "user_id")
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "providers"
            DROP CONSTRAINT "pk_providers",
            ADD CONSTRAINT "pk_providers" PRIMARY KEY ("id")
        `);
    // Nothing kept these from being left behind.
    for (const table of ['sessions', 'api_keys', 'stream_tickets'])
      await queryRunner.query(`
            DELETE FROM "${table}" c WHERE NOT EXISTS (SELECT 1 FROM "users" u WHERE u."id" = c."user_id")
        `);
    await queryRunner.query(`
            DELETE FROM "stream_tickets" t
            WHERE t."session_id" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "sessions" s WHERE s."id" = t."session_id")
               OR t."key_id" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "api_keys" k WHERE k."id" = t."key_id")
        `);
    await queryRunner.query(`
            ALTER TABLE "api_keys"
            ADD CONSTRAINT "fk_api_keys_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE NO ACTION ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD CONSTRAINT "fk_sessions_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE NO ACTION ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_stream_tickets_key_id" ON "stream_tickets" ("key_id") WHERE key_id IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_stream_tickets_session_id" ON "stream_tickets" ("session_id") WHERE session_id IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD CONSTRAINT "fk_stream_tickets_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE NO ACTION ON UPDATE NO ACTION,
            ADD CONSTRAINT "fk_stream_tickets_session" FOREIGN KEY ("session_id") REFERENCES "sessions"("id") ON DELETE CASCADE ON UPDATE NO ACTION,
            ADD CONSTRAINT "fk_stream_tickets_key" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            DROP CONSTRAINT "ck_users_account",
            ADD "username_key" character varying(64),
            ADD "email_key" character varying(254)
        `);
    await queryRunner.query(`
            UPDATE "users" u SET
              "username_key" = (SELECT n."name_key" FROM "account_names" n WHERE n."user_id" = u."id" AND n."kind" = 'username'),
              "email_key" = (SELECT n."name_key" FROM "account_names" n WHERE n."user_id" = u."id" AND n."kind" = 'email')
            WHERE u."username" IS NOT NULL OR u."email" IS NOT NULL
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD CONSTRAINT "ck_users_account" CHECK ((username_key IS NULL) = (password_hash IS NULL))
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_users_email" ON "users" ("email_key")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_users_username" ON "users" ("username_key")
        `);
    await queryRunner.query(`
            DROP TABLE "admins"
        `);
    await queryRunner.query(`
            DROP TABLE "account_names"
        `);
  }
}
