import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The keys of what belongs to a user name the user, after the id, and so do the foreign keys between them. Closing a reply changes
 * nothing that an index looks at, and its rows have room for their next version beside them, so that the indexes are left alone.
 */
export class UserKeys1796000008000 implements MigrationInterface {
  name = 'UserKeys1796000008000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "feedback" DROP CONSTRAINT "fk_feedback_message", DROP CONSTRAINT "fk_feedback_conversation"
        `);
    await queryRunner.query(`
            ALTER TABLE "open_replies" DROP CONSTRAINT "fk_open_replies_message"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "fk_messages_conversation"
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations"
            DROP CONSTRAINT "pk_conversations",
            ADD CONSTRAINT "pk_conversations" PRIMARY KEY ("id", "user_id"),
            SET (fillfactor = 85)
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            DROP CONSTRAINT "pk_messages",
            ADD CONSTRAINT "pk_messages" PRIMARY KEY ("id", "user_id"),
            SET (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02)
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            DROP CONSTRAINT "pk_feedback",
            ADD CONSTRAINT "pk_feedback" PRIMARY KEY ("id", "user_id")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_sequence"
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_sequence" ON "messages" ("conversation_id", "sequence", "user_id")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_depth"
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_depth" ON "messages" ("branch_id", "depth", "user_id")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_queued"
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_queued" ON "messages" ("conversation_id", "sequence")
            WHERE jsonb_typeof(queued_request) = 'object'
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_open_replies_instance", "public"."ix_open_replies_user", "public"."uq_open_replies_conversation"
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_open_replies_conversation" ON "open_replies" ("user_id", "conversation_id")
        `);
    // What is there satisfied the keys before, so it need not be read again.
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "fk_messages_conversation" FOREIGN KEY ("conversation_id", "user_id")
            REFERENCES "conversations"("id", "user_id") ON DELETE NO ACTION ON UPDATE NO ACTION NOT VALID
        `);
    await queryRunner.query(`
            ALTER TABLE "open_replies"
            ADD CONSTRAINT "fk_open_replies_message" FOREIGN KEY ("message_id", "user_id")
            REFERENCES "messages"("id", "user_id") ON DELETE CASCADE ON UPDATE NO ACTION NOT VALID
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            ADD CONSTRAINT "fk_feedback_conversation" FOREIGN KEY ("conversation_id", "user_id")
            REFERENCES "conversations"("id", "user_id") ON DELETE CASCADE ON UPDATE NO ACTION NOT VALID,
            ADD CONSTRAINT "fk_feedback_message" FOREIGN KEY ("message_id", "user_id")
            REFERENCES "messages"("id", "user_id") ON DELETE CASCADE ON UPDATE NO ACTION NOT VALID
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "feedback" DROP CONSTRAINT "fk_feedback_message", DROP CONSTRAINT "fk_feedback_conversation"
        `);
    await queryRunner.query(`
            ALTER TABLE "open_replies" DROP CONSTRAINT "fk_open_replies_message"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP CONSTRAINT "fk_messages_conversation"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_open_replies_conversation"
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_open_replies_conversation" ON "open_replies" ("conversation_id", "user_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_open_replies_instance" ON "open_replies" ("instance_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_open_replies_user" ON "open_replies" ("user_id")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_queued"
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_queued" ON "messages" ("conversation_id", "sequence")
            WHERE status = 'queued'
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_depth"
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_depth" ON "messages" ("branch_id", "depth")
        `);
    await queryRunner.query(`
            DROP INDEX "public"."uq_messages_sequence"
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_messages_sequence" ON "messages" ("conversation_id", "sequence")
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            DROP CONSTRAINT "pk_feedback",
            ADD CONSTRAINT "pk_feedback" PRIMARY KEY ("id")
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            DROP CONSTRAINT "pk_messages",
            ADD CONSTRAINT "pk_messages" PRIMARY KEY ("id"),
            RESET (fillfactor, autovacuum_vacuum_scale_factor)
        `);
    await queryRunner.query(`
            ALTER TABLE "conversations"
            DROP CONSTRAINT "pk_conversations",
            ADD CONSTRAINT "pk_conversations" PRIMARY KEY ("id"),
            RESET (fillfactor)
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD CONSTRAINT "fk_messages_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id")
            ON DELETE NO ACTION ON UPDATE NO ACTION NOT VALID
        `);
    await queryRunner.query(`
            ALTER TABLE "open_replies"
            ADD CONSTRAINT "fk_open_replies_message" FOREIGN KEY ("message_id") REFERENCES "messages"("id")
            ON DELETE CASCADE ON UPDATE NO ACTION NOT VALID
        `);
    await queryRunner.query(`
            ALTER TABLE "feedback"
            ADD CONSTRAINT "fk_feedback_conversation" FOREIGN KEY ("conversation_id") REFERENCES "conversations"("id")
            ON DELETE CASCADE ON UPDATE NO ACTION NOT VALID,
            ADD CONSTRAINT "fk_feedback_message" FOREIGN KEY ("message_id") REFERENCES "messages"("id")
            ON DELETE CASCADE ON UPDATE NO ACTION NOT VALID
        `);
  }
}
