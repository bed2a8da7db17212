import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events of a user are kept while somebody follows them, and for hours after. Who may have followed before this version is followed on for as long. */
export class FollowedUsers1796000022000 implements MigrationInterface {
  name = 'FollowedUsers1796000022000';

  public async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
            ALTER TABLE "user_event_heads" ADD "followed_until" TIMESTAMP(3) WITH TIME ZONE DEFAULT now() + interval '4 hours'
        `);
    await queryRunner.query(`
            ALTER TABLE "user_event_heads" ALTER COLUMN "followed_until" DROP DEFAULT
        `);
  }

  public async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE "user_event_heads" DROP COLUMN "followed_until"`);
  }
}
