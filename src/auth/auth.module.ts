import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module';
import { AppConfig, type AuthConfig } from '../config/app-config';
import { BodyGuard } from '../http/body.guard';
import { UsersModule } from '../users/users.module';
import { AccountsController } from './login/accounts.controller';
import { AccountsService } from './login/accounts.service';
import { LoginAttemptEntity } from './login/login-attempt.entity';
import { LoginAttempts } from './login/login-attempts';
import { LoginAttemptsRepository } from './login/login-attempts.repository';
import { Passwords } from './login/passwords';
import { AuthController } from './auth.controller';
import { AuthGuard } from './auth.guard';
import { Authenticator } from './authenticator';
import { SessionExpiryWatcher } from './session-expiry-watcher';
import { ApiKeyEntity } from './keys/api-key.entity';
import { ApiKeysController } from './keys/api-keys.controller';
import { ApiKeysExport } from './keys/api-keys.export';
import { SessionsExport } from './sessions/sessions.export';
import { ApiKeysRepository } from './keys/api-keys.repository';
import { ApiKeysService } from './keys/api-keys.service';
import { ApiKeyUsageRecorder } from './keys/api-key-usage-recorder';
import { AccessTokens } from './sessions/access-tokens';
import { RefreshCookies } from './sessions/refresh-cookies';
import { AccountRecovery } from './resets/account-recovery';
import { PasswordResetsController } from './resets/password-resets.controller';
import { PasswordResetEntity } from './resets/password-reset.entity';
import { PasswordResetsRepository } from './resets/password-resets.repository';
import { PasswordResets } from './resets/password-resets.service';
import { SessionEntity } from './sessions/session.entity';
import { SessionsRepository } from './sessions/sessions.repository';
import { SessionsService } from './sessions/sessions.service';
import { TokenFamilies } from './sessions/token-families';
import { HeaderStrategy } from './strategies/header.strategy';
import { IdentityStrategy } from './strategies/identity-strategy';
import { JwksStrategy } from './strategies/jwks.strategy';
import { ExternalUsers } from './strategies/external-users';
import { TokenStrategy } from './strategies/token.strategy';
import { StreamTicketEntity } from './tickets/stream-ticket.entity';
import { StreamTicketsRepository } from './tickets/stream-tickets.repository';
import { StreamTicketsService } from './tickets/stream-tickets.service';

type Strategies = [AppConfig, ExternalUsers, SessionsService, ApiKeysService];

const STRATEGIES: Record<AuthConfig['mode'], (...parts: Strategies) => IdentityStrategy> = {
  header: (config, users) => new HeaderStrategy(config, users),
  token: (_config, _users, sessions, keys) => new TokenStrategy(sessions, keys),
  jwks: (config, users) => new JwksStrategy(config, users),
};

/** Who the caller is. Its guard closes every route of the application that is not marked public. */
@Module({
  imports: [
    UsersModule,
    AuditModule,
    TypeOrmModule.forFeature([
      StreamTicketEntity,
      SessionEntity,
      ApiKeyEntity,
      LoginAttemptEntity,
      PasswordResetEntity,
    ]),
  ],
  controllers: [AuthController, AccountsController, PasswordResetsController, ApiKeysController],
  providers: [
    AccessTokens,
    AccountRecovery,
    AccountsService,
    ApiKeysExport,
    SessionsExport,
    ApiKeysRepository,
    ApiKeysService,
    Authenticator,
    SessionExpiryWatcher,
    ApiKeyUsageRecorder,
    ExternalUsers,
    LoginAttempts,
    LoginAttemptsRepository,
    PasswordResets,
    PasswordResetsRepository,
    Passwords,
    RefreshCookies,
    SessionsRepository,
    SessionsService,
    StreamTicketsRepository,
    StreamTicketsService,
    TokenFamilies,
    {
      provide: IdentityStrategy,
      inject: [AppConfig, ExternalUsers, SessionsService, ApiKeysService],
      useFactory: (...parts: Strategies) => STRATEGIES[parts[0].auth.mode](...parts),
    },
    // In this order: no body is read for somebody who is refused.
    { provide: APP_GUARD, useClass: AuthGuard },
    { provide: APP_GUARD, useClass: BodyGuard },
  ],
  exports: [AccountRecovery, AccountsService, Authenticator, PasswordResets, SessionExpiryWatcher],
})
export class AuthModule {}
