import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Initial1795232511887 implements MigrationInterface {
  name = 'Initial1795232511887';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "stream_tickets" (
                "token_hash" bytea NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "expires_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_stream_tickets" PRIMARY KEY ("token_hash")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_stream_tickets_user_id" ON "stream_tickets" ("user_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_stream_tickets_expires_at" ON "stream_tickets" ("expires_at")
        `);
    await queryRunner.query(`
            CREATE TABLE "conversations" (
                "id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "title" character varying(200),
                "model" character varying(200),
                "system_prompt" text,
                "settings" jsonb NOT NULL DEFAULT '{}',
                "metadata" jsonb NOT NULL DEFAULT '{}',
                "pinned" boolean NOT NULL DEFAULT false,
                "archived" boolean NOT NULL DEFAULT false,
                "version" integer NOT NULL DEFAULT '1',
                "active_leaf_id" uuid,
                "last_sequence" integer NOT NULL DEFAULT '0',
                "context_from" integer NOT NULL DEFAULT '0',
                "last_activity_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "ck_conversations_sequence" CHECK (
                    last_sequence >= 0
                    AND context_from >= 0
                ),
                CONSTRAINT "pk_conversations" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_conversations_list" ON "conversations" ("user_id", "archived", "last_activity_at", "id")
        `);
    await queryRunner.query(`
            CREATE TABLE "feedback" (
                "id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "conversation_id" uuid NOT NULL,
                "message_id" uuid NOT NULL,
                "rating" smallint NOT NULL,
                "comment" text,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "ck_feedback_rating" CHECK (
                    rating BETWEEN 1 AND 5
                ),
                CONSTRAINT "pk_feedback" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_feedback_message" ON "feedback" ("message_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_feedback_conversation" ON "feedback" ("conversation_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_feedback_list" ON "feedback" ("user_id", "created_at", "id")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_feedback_user_message" ON "feedback" ("user_id", "message_id")
        `);
    await queryRunner.query(`
            CREATE TABLE "instances" (
                "id" uuid NOT NULL,
                "expires_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "pk_instances" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE TABLE "messages" (
                "id" uuid NOT NULL,
                "conversation_id" uuid NOT NULL,
                "user_id" character varying(128) NOT NULL,
                "parent_id" uuid,
                "branch_id" uuid NOT NULL,
                "depth" integer NOT NULL,
                "sequence" integer NOT NULL,
                "role" character varying(16) NOT NULL,
                "status" character varying(16) NOT NULL,
                "parts" jsonb NOT NULL DEFAULT '[]',
                "event_lengths" bytea,
                "tokens" integer NOT NULL DEFAULT '0',
                "model" character varying(200),
                "provider" character varying(200),
                "usage" jsonb,
                "finish_reason" character varying(32),
                "error" jsonb,
                "attempts" jsonb NOT NULL DEFAULT '[]',
                "instance_id" uuid,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "updated_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                CONSTRAINT "ck_messages_only_replies_stream" CHECK (
                    role = 'assistant'
                    OR status = 'completed'
                ),
                CONSTRAINT "ck_messages_status" CHECK (
                    status IN (
                        'streaming',
                        'completed',
                        'stopped',
                        'failed',
                        'interrupted'
                    )
                ),
                CONSTRAINT "ck_messages_role" CHECK (role IN ('user', 'assistant', 'system', 'tool')),
                CONSTRAINT "pk_messages" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_siblings" ON "messages" ("conversation_id", "parent_id")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_streaming" ON "messages" ("conversation_id")
            WHERE status = 'streaming'
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_depth" ON "messages" ("branch_id", "depth")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_sequence" ON "messages" ("conversation_id", "sequence")
        `);
    await queryRunner.query(`
            CREATE TABLE "users" (
                "id" character varying(128) NOT NULL,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL DEFAULT now(),
                CONSTRAINT "pk_users" PRIMARY KEY ("id")
            )
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets"
            ADD CONSTRAINT "fk_stream_tickets_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations"
            ADD CONSTRAINT "fk_conversations_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            ADD CONSTRAINT "fk_feedback_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            ADD CONSTRAINT "fk_feedback_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            ADD CONSTRAINT "fk_feedback_message" FOREIGN KEY ("message_id") REFERENCES "messages"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "fk_messages_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "fk_messages_conversation"
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback" DROP CONSTRAINT "fk_feedback_message"
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback" DROP CONSTRAINT "fk_feedback_conversation"
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback" DROP CONSTRAINT "fk_feedback_user"
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations" DROP CONSTRAINT "fk_conversations_user"
        `);
    await queryRunner.query(`
            ALTER TABLE "stream_tickets" DROP CONSTRAINT "fk_stream_tickets_user"
        `);
    await queryRunner.query(`
            DROP TABLE "users"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_sequence"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_depth"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_streaming"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_siblings"
        `);
    await queryRunner.query(`
            DROP TABLE "messages"
        `);
    await queryRunner.query(`
            DROP TABLE "instances"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_feedback_user_message"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_feedback_list"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_feedback_conversation"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_feedback_message"
        `);
    await queryRunner.query(`
            DROP TABLE "feedback"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_conversations_list"
        `);
    await queryRunner.query(`
            DROP TABLE "conversations"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_stream_tickets_expires_at"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_stream_tickets_user_id"
        `);
    await queryRunner.query(`
            DROP TABLE "stream_tickets"
        `);
  }
}
