import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditService } from '../audit/audit.service';
import type { RequestOrigin } from '../audit/request-origin.decorator';
import { AccountsService } from '../auth/login/accounts.service';
import { PasswordResets } from '../auth/resets/password-resets.service';
import { IDENTITY_BOUNDS, JOB_BOUNDS } from '../config/bounds';
import { resetLink } from '../http/public-url';
import type { JobType } from '../jobs/job-queue';
import { JobFailure, UserJobs, type UserJobRun } from '../jobs/user-jobs.service';
import { UsersService } from '../users/users.service';
import { Mailer } from './mailer';

const MAIL: JobType = {
  name: 'password_reset',
  concurrency: JOB_BOUNDS.mails.limit,
  attempts: 4,
  retryDelayS: 30,
  timeoutMs: JOB_BOUNDS.mailTime.limit,
};

/** What sending a link takes, and what is kept of it. */
@Injectable()
export class ResetMail {
  constructor(
    private readonly mailer: Mailer,
    private readonly resets: PasswordResets,
    private readonly users: UsersService,
    private readonly audit: AuditService,
  ) {}

  get enabled(): boolean {
    return this.mailer.enabled;
  }

  /** Whose address it is, if they may have one more link. */
  async recipientOf(email: string): Promise<string | undefined> {
    const account = await this.users.findByLogin(email);
    // What is no address is a name, which nobody is written to by.
    if (!account?.is_active || !email.includes('@') || (await this.resets.hasEnough(account.id)))
      return undefined;
    return account.id;
  }

  /** The token is made now, so that nothing that waits has it. */
  async send(userId: string, url: string): Promise<void> {
    const account = await this.users.find(userId);
    if (!account?.email || !account.is_active) return;
    const { token } = await this.resets.issue(userId);
    const mail = {
      to: account.email,
      subject: 'Choose a new password',
      text:
        `Somebody asked for a new password for ${account.username}. To choose one, open this link within an hour; it works once:\n\n` +
        `${resetLink(url, token)}\n\nIf it was not you, ignore this: nothing has changed.\n`,
    };
    await this.mailer.send(mail).catch(async (error: unknown) => {
      // A further attempt makes another one.
      await this.resets.revoke(userId, token);
      throw error;
    });
    await this.audit.record({ action: 'password_reset.issued', userId });
  }
}

/** People who forgot their password get a link by mail. */
@Injectable()
export class ForgottenPasswords implements OnModuleInit {
  private readonly logger = new Logger(ForgottenPasswords.name);

  constructor(
    private readonly jobs: UserJobs,
    private readonly accounts: AccountsService,
    private readonly mail: ResetMail,
  ) {}

  onModuleInit(): void {
    this.jobs.define(MAIL, (run) => this.run(run));
  }

  get enabled(): boolean {
    return this.mail.enabled;
  }

  /**
   * Has a link sent to whoever has this address. Whether anybody does is told neither by the answer nor by its time.
   * @param url what links begin with
   * @throws {AppError} `too_many_attempts`
   */
  async ask(email: string, url: string, origin: RequestOrigin): Promise<void> {
    await this.accounts.countForgotten(email, origin);
    await Promise.all([this.enqueue(email, url), sleep(IDENTITY_BOUNDS.resetAnswer.limit)]);
  }

  private async enqueue(email: string, url: string): Promise<void> {
    const userId = await this.mail.recipientOf(email);
    if (userId === undefined) return;
    await this.jobs.add(userId, MAIL.name, { url }).catch((err: unknown) => {
      // Somebody with very many jobs, or who is being erased: told like somebody who is not there.
      this.logger.warn({ err, user: userId }, 'No link to reset a password could be sent');
    });
  }

  private async run({ userId, input }: UserJobRun): Promise<void> {
    try {
      await this.mail.send(userId, input.url);
    } catch (cause) {
      throw new JobFailure('mail_failed', 'The mail could not be sent.', { cause });
    }
  }
}
