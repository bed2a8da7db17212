import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** Headers and body, decoded from quoted-printable. */
  text: string;
}

/** A mail server that keeps what it is sent: SMTP (RFC 5321) as far as a client that delivers needs it. */
export class MailServer {
  readonly mails: ReceivedMail[] = [];
  /** What it answers to `RCPT TO`, if not that it is right. */
  refusal: string | undefined;
  private readonly server: Server = createServer((socket) => this.serve(socket));

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    let mail: ReceivedMail = { from: '', to: [], text: '' };
    let data: string | undefined;
    let rest = '';
    const say = (line: string) => socket.write(`${line}\r\n`);
    const take = (line: string) => {
      if (data !== undefined) {
        if (line !== '.') return void (data += `${line.replace(/^\./, '')}\r\n`);
        this.mails.push({ ...mail, text: decoded(data) });
        mail = { from: '', to: [], text: '' };
        data = undefined;
        return say('250 ok');
      }
      const [, address = ''] = /<(.*?)>/.exec(line) ?? [];
      const word = line.slice(0, 4).toUpperCase();
      if (word === 'MAIL') mail.from = address;
      if (word === 'RCPT' && this.refusal) return say(this.refusal);
      if (word === 'RCPT') mail.to.push(address);
      if (word === 'DATA') data = '';
      if (word === 'QUIT') return void socket.end('221 bye\r\n');
      return say(word === 'DATA' ? '354 go on' : '250 ok');
    };
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\r\n');
      rest = lines.pop() ?? '';
      lines.forEach(take);
    });
    say('220 ready');
  }
}

function decoded(text: string): string {
  return text
    .replaceAll('=\r\n', '')
    .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
