import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Accounts1795242938479 implements MigrationInterface {
  name = 'Accounts1795242938479';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "audit_events" (
                "id" uuid NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "action" character varying(64) NOT NULL,
                "subject" character varying(160),
                "actor" character varying(160),
                "target_id" uuid,
                "address" character varying(64),
                "request_id" character varying(128),
                CONSTRAINT "pk_audit_events" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_audit_events_user" ON "audit_events" ("subject", "created_at")
        `);
    await queryRunner.query(`
            CREATE TABLE "api_keys" (
                "id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "name" character varying(100) NOT NULL,
                "prefix" character varying(16) NOT NULL,
                "key_hash" bytea NOT NULL,
                "scopes" jsonb NOT NULL,
                "expires_at" TIMESTAMP(3) WITH TIME ZONE,
                "last_used_at" TIMESTAMP(3) WITH TIME ZONE,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_api_keys" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_api_keys_list" ON "api_keys" ("user_id", "created_at", "id")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_api_keys_hash" ON "api_keys" ("key_hash")
        `);
    await queryRunner.query(`
            CREATE TABLE "sessions" (
                "id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "refresh_hash" bytea NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                "expires_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_sessions" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_sessions_expires_at" ON "sessions" ("expires_at")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_sessions_user_id" ON "sessions" ("user_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "login_attempts" (
                "key" bytea NOT NULL,
                "failures" integer NOT NULL,
                "blocked_until" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "expires_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_login_attempts" PRIMARY KEY ("key")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_login_attempts_expires_at" ON "login_attempts" ("expires_at")
        `);
    await queryRunner.query(`
            CREATE TABLE "erased_users" (
                "id_hash" bytea NOT NULL,
                "erased_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_erased_users" PRIMARY KEY ("id_hash")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "revocations" (
                "id" uuid NOT NULL,
                "subject" character varying(128) NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
                CONSTRAINT "pk_revocations" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_revocations_created_at" ON "revocations" ("created_at")
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD "session_id" uuid
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD "key_id" uuid
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD "identity_expires_at" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "username" character varying(64)
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "username_key" character varying(64)
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "email" character varying(254)
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "email_key" character varying(254)
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "password_hash" character varying(255)
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "role" character varying(16) NOT NULL DEFAULT 'user'
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "is_active" boolean NOT NULL DEFAULT true
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD "valid_from" TIMESTAMP(3) WITH TIME ZONE
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_stream_tickets_key_id" ON "stream_tickets" ("key_id")
            WHERE key_id IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_stream_tickets_session_id" ON "stream_tickets" ("session_id")
            WHERE session_id IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_users_list" ON "users" ("created_at", "id")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_users_email" ON "users" ("email_key")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_users_username" ON "users" ("username_key")
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD CONSTRAINT "ck_users_account" CHECK ((username_key IS NULL) = (password_hash IS NULL))
        `);
    await queryRunner.query(`
            ALTER TABLE "users"
            ADD CONSTRAINT "ck_users_role" CHECK (role IN ('user', 'admin'))
        `);
    await queryRunner.query(`
            ALTER TABLE "api_keys"
            ADD CONSTRAINT "fk_api_keys_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions"
            ADD CONSTRAINT "fk_sessions_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD CONSTRAINT "fk_stream_tickets_session" FOREIGN KEY ("session_id") REFERENCES "sessions"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD CONSTRAINT "fk_stream_tickets_key" FOREIGN KEY ("key_id") REFERENCES "api_keys"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "stream_tickets" DROP CONSTRAINT "fk_stream_tickets_key"
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets" DROP CONSTRAINT "fk_stream_tickets_session"
        `);
    await queryRunner.query(`
            ALTER TABLE "sessions" DROP CONSTRAINT "fk_sessions_user"
        `);
    await queryRunner.query(`
            ALTER TABLE "api_keys" DROP CONSTRAINT "fk_api_keys_user"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP CONSTRAINT "ck_users_role"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP CONSTRAINT "ck_users_account"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_users_username"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_users_email"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_users_list"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_stream_tickets_session_id"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_stream_tickets_key_id"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "valid_from"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "is_active"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "role"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "password_hash"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "email_key"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "email"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "username_key"
        `);
    await queryRunner.query(`
            ALTER TABLE "users" DROP COLUMN "username"
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets" DROP COLUMN "identity_expires_at"
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets" DROP COLUMN "key_id"
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets" DROP COLUMN "session_id"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_revocations_created_at"
        `);
    await queryRunner.query(`
            DROP TABLE "revocations"
        `);
    await queryRunner.query(`
            DROP TABLE "erased_users"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_login_attempts_expires_at"
        `);
    await queryRunner.query(`
            DROP TABLE "login_attempts"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_sessions_user_id"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_sessions_expires_at"
        `);
    await queryRunner.query(`
            DROP TABLE "sessions"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_api_keys_hash"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_api_keys_list"
        `);
    await queryRunner.query(`
            DROP TABLE "api_keys"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_audit_events_user"
        `);
    await queryRunner.query(`
            DROP TABLE "audit_events"
        `);
  }
}
