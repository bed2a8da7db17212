import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Usage1795246173715 implements MigrationInterface {
  name = 'Usage1795246173715';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            CREATE TABLE "past_usage" (
                "user_id" character varying(128) NOT NULL,
                "day" date NOT NULL,
                "model" character varying(200) NOT NULL,
                "replies" bigint NOT NULL,
                "input_tokens" bigint NOT NULL,
                "output_tokens" bigint NOT NULL,
                "reasoning_tokens" bigint NOT NULL,
                "cached_input_tokens" bigint NOT NULL,
                CONSTRAINT "pk_past_usage" PRIMARY KEY ("user_id", "day", "model")
            )
        `);
    await queryRunner.query(`
            ALTER TABLE "messages"
            ADD "reserved_tokens" integer
        `);
    await queryRunner.query(`
            CREATE INDEX "ix_messages_usage" ON "messages" ("user_id", "created_at")
            WHERE role = 'assistant'
        `);
    await queryRunner.query(`
            ALTER TABLE "past_usage"
            ADD CONSTRAINT "fk_past_usage_user" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE ON UPDATE NO ACTION
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "past_usage" DROP CONSTRAINT "fk_past_usage_user"
        `);
    await queryRunner.query(`
            DROP INDEX "public"."ix_messages_usage"
        `);
    await queryRunner.query(`
            ALTER TABLE "messages" DROP COLUMN "reserved_tokens"
        `);
    await queryRunner.query(`
            DROP TABLE "past_usage"
        `);
  }
}
