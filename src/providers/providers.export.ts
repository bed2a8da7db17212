import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { toProviderResponse } from './dto/provider.response';
import { ProvidersRepository } from './providers.repository';
import { ProvidersService } from './providers.service';

/** More than there can be. */
const ALL = 1_000;

/** A user's providers, without their keys, as part of all that is kept of them. */
@Injectable()
export class ProvidersExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly providers: ProvidersService,
    private readonly rows: ProvidersRepository,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'provider',
      read: (userId) => this.read(userId),
      erase: (userId, limit) => this.rows.deleteOf(userId, limit),
    });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    yield* (await this.providers.list(userId, undefined, ALL)).map(toProviderResponse);
  }
}
