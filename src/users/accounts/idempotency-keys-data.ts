import { Injectable, type OnModuleInit } from '@nestjs/common';
import { IdempotencyService } from '../../http/idempotency/idempotency.service';
import { UserData } from '../user-data';

/** A user's idempotency keys go with the user. Added here, since a foundation knows no users. */
@Injectable()
export class IdempotencyKeysData implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly idempotency: IdempotencyService,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'idempotency_key',
      erase: (userId, limit) => this.idempotency.erase(userId, limit),
    });
  }
}
