import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Paths of conversations that whoever has a link may read: found by the digest of its token, else by their user. */
export class Shares1796000018000 implements MigrationInterface {
  name = 'Shares1796000018000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "shares" (
                "user_id" character varying(128) NOT NULL,
                "id" uuid NOT NULL,
                "conversation_id" uuid NOT NULL,
                "token_hash" bytea NOT NULL,
                "live" boolean NOT NULL,
                "message_id" uuid,
                "title" text,
                "kept" jsonb,
                "created_at" TIMESTAMP(3) WITH TIME ZONE NOT NULL,
                "expires_at" TIMESTAMP(3) WITH TIME ZONE,
                CONSTRAINT "pk_shares" PRIMARY KEY ("user_id", "id")
            )
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_shares_expires_at" ON "shares" ("expires_at")
            WHERE expires_at IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_shares_message" ON "shares" ("message_id")
            WHERE message_id IS NOT NULL
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_shares_conversation" ON "shares" ("conversation_id", "user_id")
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_shares_list" ON "shares" ("user_id", "created_at", "id")
        `);
    await queryRunner.query(`
            CREATE UNIQUE INDEX "uq_shares_token_hash" ON "shares" ("token_hash")
        `);
    await queryRunner.query(`
            ALTER TABLE "shares"
            ADD CONSTRAINT "fk_shares_conversation" FOREIGN KEY ("conversation_id", "user_id") REFERENCES "conversations" ("id", "user_id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            DROP TABLE "shares"
        `);
  }
}
