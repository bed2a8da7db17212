import { Module } from '@nestjs/common';
import { AuditModule } from '../../audit/audit.module';
import { AuthModule } from '../../auth/auth.module';
import { UsersModule } from '../users.module';
import { IdempotencyKeysData } from './idempotency-keys-data';
import { UserAdminService } from './user-admin.service';
import { UserErasure } from './user-erasure';
import { UsersController } from './users.controller';

/** Users as administrators see them, and as they see themselves. */
@Module({
  imports: [AuthModule, UsersModule, AuditModule],
  controllers: [UsersController],
  providers: [IdempotencyKeysData, UserAdminService, UserErasure],
})
export class AccountsModule {}
