import { Injectable, Logger } from '@nestjs/common';
import { newId } from '../common/ids';
import { AuditRepository } from './audit.repository';
import type { RequestOrigin } from './request-origin.decorator';

export type AuditAction =
  | 'account.created'
  | 'login.succeeded'
  | 'login.failed'
  | 'login.blocked'
  | 'session.ended'
  | 'session.reuse_detected'
  | 'reauthentication.succeeded'
  | 'reauthentication.failed'
  | 'reauthentication.blocked'
  | 'password.changed'
  | 'password.failed'
  | 'password.blocked'
  | 'password.reset'
  | 'password_reset.issued'
  | 'user.changed'
  | 'role.changed'
  | 'user.disabled'
  | 'user.enabled'
  | 'user.deleted'
  | 'user.exported'
  | 'api_key.created'
  | 'api_key.deleted'
  | 'feedback.listed'
  | 'feedback.summarized'
  | 'feedback.exported'
  | 'provider.created'
  | 'provider.changed'
  | 'provider.deleted'
  | 'provider_keys.rotated';

export interface AuditEvent {
  action: AuditAction;
  /** The user whom it happened to; undefined where that is not known: a login with a wrong name. */
  userId?: string;
  /** The person who did it, if not the user. */
  actorId?: string;
  targetId?: string;
  origin?: RequestOrigin;
}

/** One line of an account's history. */
export interface AuditRecord {
  id: string;
  created_at: Date;
  action: string;
  target_id: string | null;
  address: string | null;
}

/** The record of what was done to accounts, keys and data, in the database and in the log. */
@Injectable()
export class AuditService {
  private readonly logger = new Logger('Audit');

  constructor(private readonly events: AuditRepository) {}

  async record({ action, userId, actorId, targetId, origin = {} }: AuditEvent): Promise<void> {
    const event = {
      id: newId(),
      created_at: new Date(),
      action,
      subject: userId ?? null,
      actor: actorId === userId ? null : (actorId ?? null),
      target_id: targetId ?? null,
      address: origin.address ?? null,
      request_id: origin.requestId ?? null,
    };
    await this.events.insert(event);
    this.logger.log({ audit: event, msg: action });
  }

  /** The record stays, but no longer says of whom it is. At most `limit` lines of it; answers how many. */
  forget(userId: string, name: string, limit: number): Promise<number> {
    return this.events.rename(userId, name, limit);
  }

  /** From where the user has logged in lately; null: from where only proxies were to be seen. */
  loginAddressesOf(userId: string): Promise<(string | null)[]> {
    return this.events.loginAddressesOf(userId);
  }

  /** Oldest first. */
  listOf(userId: string, afterId: string | undefined, limit: number): Promise<AuditRecord[]> {
    return this.events.list(userId, afterId, limit);
  }
}
