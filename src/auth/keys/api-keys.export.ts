import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../../users/user-data';
import { ApiKeysRepository } from './api-keys.repository';
import { ApiKeysService } from './api-keys.service';
import { toApiKeyResponse } from './dto/api-key.response';

/** More than there can be. */
const ALL = 1_000;

/** A user's API keys, without the keys themselves, as part of all that is kept of them. */
@Injectable()
export class ApiKeysExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly keys: ApiKeysService,
    private readonly rows: ApiKeysRepository,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'api_key',
      read: (userId) => this.read(userId),
      erase: (userId, limit) => this.rows.deleteOf(userId, limit),
      access: true,
    });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    yield* (await this.keys.list(userId, undefined, ALL)).map(toApiKeyResponse);
  }
}
