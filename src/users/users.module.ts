import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { SignalsModule } from '../signals/signals.module';
import { AccountNameEntity } from './account-name.entity';
import { AccountNamesRepository } from './account-names.repository';
import { AdminEntity } from './admin.entity';
import { ErasedUserEntity } from './erased-user.entity';
import { RevocationEntity } from './revocations/revocation.entity';
import { UserChangeFeed } from './revocations/user-change-feed';
import { RevocationsRepository } from './revocations/revocations.repository';
import { StorageQuota } from './quotas/storage-quota';
import { UserLock } from './quotas/user-lock';
import { UserEntity } from './user.entity';
import { UserData } from './user-data';
import { UsersRepository } from './users.repository';
import { UsersService } from './users.service';

@Module({
  imports: [
    SignalsModule,
    TypeOrmModule.forFeature([
      UserEntity,
      AccountNameEntity,
      AdminEntity,
      ErasedUserEntity,
      RevocationEntity,
    ]),
  ],
  providers: [
    UserData,
    UsersService,
    UsersRepository,
    AccountNamesRepository,
    UserChangeFeed,
    RevocationsRepository,
    StorageQuota,
    UserLock,
  ],
  exports: [UserData, UsersService, UserChangeFeed, StorageQuota, UserLock],
})
export class UsersModule {}
