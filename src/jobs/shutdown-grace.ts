import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppConfig } from '../config/app-config';
import { Draining } from '../http/draining';

/** The time that what runs has at the end of the process: `SHUTDOWN_GRACE_S`, or until a second signal. */
@Injectable()
export class ShutdownGrace {
  constructor(
    private readonly draining: Draining,
    private readonly config: AppConfig,
  ) {}

  /** Settles with the work, at the latest when the time is over. */
  async until(work: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([this.draining.skipGrace, over.signal]);
    const { shutdownGraceMs } = this.config.chat;
    const grace = sleep(shutdownGraceMs, undefined, { ref: false, signal }).catch(() => undefined);
    await Promise.race([work, grace]);
    over.abort();
  }
}
