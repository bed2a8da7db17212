import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ErasedUserEntity } from './erased-user.entity';
import { RevocationEntity } from './revocations/revocation.entity';
import { Revocations } from './revocations/revocations';
import { RevocationsRepository } from './revocations/revocations.repository';
import { UserEntity } from './user.entity';
import { UserData } from './user-data';
import { UsersRepository } from './users.repository';
import { UsersService } from './users.service';

@Module({
  imports: [TypeOrmModule.forFeature([UserEntity, ErasedUserEntity, RevocationEntity])],
  providers: [UserData, UsersService, UsersRepository, Revocations, RevocationsRepository],
  exports: [UserData, UsersService, Revocations],
})
export class UsersModule {}
