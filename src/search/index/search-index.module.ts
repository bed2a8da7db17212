import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { UserData } from '../../users/user-data';
import { UsersModule } from '../../users/users.module';
import { IndexRefresh } from './index-refresh';
import { SearchEntryEntity } from './search-entry.entity';
import { SearchIndex } from './search-index';
import { SearchSegmentEntity } from './search-segment.entity';

/** The index of a user says nothing that messages and titles do not say, and is not exported. Its entries go with what they are of. */
@Injectable()
class SearchErasure implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly index: SearchIndex,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'search_segment',
      erase: (userId, limit) => this.index.eraseSegments(userId, limit),
    });
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([SearchEntryEntity, SearchSegmentEntity]), UsersModule],
  providers: [IndexRefresh, SearchErasure, SearchIndex],
  exports: [IndexRefresh, SearchIndex],
})
export class SearchIndexModule {}
