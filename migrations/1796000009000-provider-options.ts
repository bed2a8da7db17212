import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What users say of their own providers and of the models of these. Both columns have constant defaults, so that no row is rewritten. */
export class ProviderOptions1796000009000 implements MigrationInterface {
  name = 'ProviderOptions1796000009000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "providers"
            ADD "stream_usage" boolean NOT NULL DEFAULT true,
            ADD "model_options" jsonb NOT NULL DEFAULT '{}'
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "providers" DROP COLUMN "model_options", DROP COLUMN "stream_usage"
        `);
  }
}
