import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { detached } from '../../common/detached';
import { ApiKeysRepository } from './api-keys.repository';

const WRITE_MS = 30_000;

/** When keys were last used, written now and then and for many at a time, so that no request waits for it. */
@Injectable()
export class ApiKeyUsageRecorder implements OnModuleDestroy {
  private readonly logger = new Logger(ApiKeyUsageRecorder.name);
  private used = new Set<string>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly keys: ApiKeysRepository) {}

  note(id: string): void {
    this.used.add(id);
    this.timer ??= detached(() => setTimeout(() => void this.write(), WRITE_MS)).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearTimeout(this.timer);
    await this.write();
  }

  async write(): Promise<void> {
    this.timer = undefined;
    const ids = [...this.used];
    this.used = new Set();
    if (ids.length === 0) return;
    await this.keys.markUsed(ids).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'It could not be noted that keys were used');
    });
  }
}
