import { Module } from '@nestjs/common';
import { AuditModule } from '../../audit/audit.module';
import { AuthModule } from '../../auth/auth.module';
import { ConfigModule } from '../../config/config.module';
import { DatabaseModule } from '../../database/database.module';
import { HttpModule } from '../../http/http.module';
import { LimitsModule } from '../../limits/limits.module';
import { CountersModule } from '../../usage/counters.module';
import { ProvidersModule } from '../../providers/providers.module';
import { UsersModule } from '../users.module';
import { ControlModule } from '../../operations/control/control.module';
import { AdminCommands, Maintenance } from './admin-commands';
import { AdminControl } from './admin-control';

/** What the command line can do, without the service around it. */
@Module({
  imports: [
    ConfigModule,
    DatabaseModule,
    HttpModule,
    LimitsModule,
    AuthModule,
    UsersModule,
    AuditModule,
    ProvidersModule,
    CountersModule,
    ControlModule,
  ],
  providers: [AdminCommands, Maintenance, AdminControl],
})
export class AdminModule {}
