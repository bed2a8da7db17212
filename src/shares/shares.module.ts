import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { JobsModule } from '../jobs/jobs.module';
import { MessagesModule } from '../messages/messages.module';
import { UsersModule } from '../users/users.module';
import { KeptPaths } from './kept-paths';
import { ShareEntity } from './share.entity';
import { SharedController } from './shared.controller';
import { SharedPaths } from './shared-paths';
import { SharesController } from './shares.controller';
import { HeldShares, SharesExport } from './shares.export';
import { SharesRepository } from './shares.repository';
import { Shares } from './shares.service';

/**
 * Paths of conversations that whoever has a link may read. `shares.service.ts` is where to start reading; `kept-paths.ts` keeps what is shown and
 * deleted.
 */
@Module({
  imports: [
    TypeOrmModule.forFeature([ShareEntity]),
    ConversationsModule,
    JobsModule,
    MessagesModule,
    UsersModule,
  ],
  controllers: [SharesController, SharedController],
  providers: [HeldShares, KeptPaths, SharedPaths, Shares, SharesExport, SharesRepository],
})
export class SharesModule {}
