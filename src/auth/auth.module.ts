import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { UsersModule } from '../users/users.module';
import { AuthController } from './auth.controller';
import { AuthGuard } from './auth.guard';
import { Authenticator } from './authenticator';
import { HeaderStrategy } from './header.strategy';
import { IdentityStrategy } from './identity-strategy';
import { StreamTicketEntity } from './stream-ticket.entity';
import { StreamTicketsRepository } from './stream-tickets.repository';
import { StreamTicketsService } from './stream-tickets.service';

/** Who the caller is. Its guard closes every route of the application that is not marked public. */
@Module({
  imports: [UsersModule, TypeOrmModule.forFeature([StreamTicketEntity])],
  controllers: [AuthController],
  providers: [
    Authenticator,
    StreamTicketsService,
    StreamTicketsRepository,
    { provide: IdentityStrategy, useClass: HeaderStrategy },
    { provide: APP_GUARD, useClass: AuthGuard },
  ],
  exports: [Authenticator],
})
export class AuthModule {}
