import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Batches live for seconds: compressing them, or splitting them into pieces, costs more than the room. */
export class PlainJournal1795245300000 implements MigrationInterface {
  name = 'PlainJournal1795245300000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "reply_journal" ALTER COLUMN "payload" SET STORAGE EXTERNAL`);
    await queryRunner.query(`ALTER TABLE "reply_journal" SET (toast_tuple_target = 8160)`);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "reply_journal" RESET (toast_tuple_target)`);
    await queryRunner.query(`ALTER TABLE "reply_journal" ALTER COLUMN "payload" SET STORAGE EXTENDED`);
  }
}
