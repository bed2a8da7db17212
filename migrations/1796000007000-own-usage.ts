import type { MigrationInterface, QueryRunner } from 'typeorm';

export class OwnUsage1796000007000 implements MigrationInterface {
  name = 'OwnUsage1796000007000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "past_usage"
            ADD "own_input_tokens" bigint NOT NULL DEFAULT '0'
        `);
    await queryRunner.query(`
            ALTER TABLE "past_usage"
            ADD "own_output_tokens" bigint NOT NULL DEFAULT '0'
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "past_usage" DROP COLUMN "own_output_tokens"
        `);
    await queryRunner.query(`
            ALTER TABLE "past_usage" DROP COLUMN "own_input_tokens"
        `);
  }
}
