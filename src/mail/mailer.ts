import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { createTransport, type Transporter } from 'nodemailer';
import { AppConfig, type MailConfig } from '../config/app-config';
import { JOB_BOUNDS } from '../config/bounds';

export interface Mail {
  to: string;
  subject: string;
  text: string;
}

/** Sends mail through the operator's server. */
@Injectable()
export class Mailer implements OnModuleDestroy {
  private readonly config: MailConfig;
  private transport: Transporter | undefined;

  constructor({ mail }: AppConfig) {
    this.config = mail;
  }

  get enabled(): boolean {
    return this.config.smtpUrl !== undefined;
  }

  /** Resolves when the server has taken it. */
  async send({ to, ...mail }: Mail): Promise<void> {
    // As an object: in a text a comma would make two addresses of one.
    await this.open().sendMail({ ...mail, from: this.config.from, to: { name: '', address: to } });
  }

  onModuleDestroy(): void {
    this.transport?.close();
  }

  private open(): Transporter {
    const timeout = JOB_BOUNDS.mailTime.limit / 2;
    const timeouts = { connectionTimeout: timeout, greetingTimeout: timeout, socketTimeout: timeout };
    return (this.transport ??= createTransport({ url: this.config.smtpUrl, ...timeouts }));
  }
}
