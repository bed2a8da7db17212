import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module';
import { AuthModule } from '../auth/auth.module';
import { UsersModule } from '../users/users.module';
import { UserAdminService } from './user-admin.service';
import { UsersController } from './users.controller';

/** Users as administrators see them, and as they see themselves. */
@Module({
  imports: [AuthModule, UsersModule, AuditModule],
  controllers: [UsersController],
  providers: [UserAdminService],
})
export class AccountsModule {}
