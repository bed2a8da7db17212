import { Module } from '@nestjs/common';
import { AuditModule } from '../audit/audit.module';
import { AuthModule } from '../auth/auth.module';
import { JobsModule } from '../jobs/jobs.module';
import { UsersModule } from '../users/users.module';
import { ForgottenPasswordsController } from './forgotten-passwords.controller';
import { ForgottenPasswords, ResetMail } from './forgotten-passwords.service';
import { Mailer } from './mailer';

/** What the service writes to people. */
@Module({
  imports: [AuditModule, AuthModule, JobsModule, UsersModule],
  controllers: [ForgottenPasswordsController],
  providers: [ForgottenPasswords, Mailer, ResetMail],
})
export class MailModule {}
