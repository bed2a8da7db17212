import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';

/** Addresses of either family (none: the name exists without any), `unknown` for NXDOMAIN, `silence` for no answer at all. */
export type NameAnswer = string[] | 'unknown' | 'silence';
type Answering = (name: string, type: 'A' | 'AAAA') => NameAnswer | Promise<NameAnswer>;

const TYPES: Record<number, 'A' | 'AAAA' | undefined> = { 1: 'A', 28: 'AAAA' };
const CODES = { A: 1, AAAA: 28, CNAME: 5 };
const HEADER_BYTES = 12;

/** A name server (RFC 1035, UDP) on a loopback port, to be scripted: `names.answer = (name, type) => …`. */
export class NameServer {
  /** What was asked, in order of arrival. */
  readonly questions: { name: string; type: string }[] = [];
  /** The most names that were asked for at once, those of this pattern by themselves. */
  private readonly open = new Map<string, number>();
  private readonly most = new Map<RegExp, number>();
  /** So that a question that is repeated, because the answer was late, is not taken for another one. */
  private readonly seen = new Set<string>();

  constructor(
    private readonly socket: Socket,
    public answer: Answering,
  ) {
    socket.on('message', (message, from) => void this.handle(message, from));
  }

  /** For `PROVIDER_DNS_SERVERS`. */
  get address(): string {
    return `127.0.0.1:${this.socket.address().port}`;
  }

  /** Counts from now on how many such names are asked for, and not answered yet, at once. */
  watch(pattern: RegExp): { most(): number } {
    this.most.set(pattern, 0);
    return { most: () => this.most.get(pattern) ?? 0 };
  }

  close(): void {
    this.socket.close();
  }

  private async handle(message: Buffer, from: RemoteInfo): Promise<void> {
    const { name, end } = readName(message);
    const type = TYPES[message.readUInt16BE(end)];
    if (!type) return;
    const question = `${message.readUInt16BE(0)} ${type} ${name}`;
    const isNew = !this.seen.has(question);
    this.seen.add(question);
    if (isNew) this.begin(name, type);
    const answer = await this.answer(name, type);
    if (isNew) this.end(name);
    if (answer === 'silence') return;
    const asked = message.subarray(0, end + 4);
    this.socket.send(response(asked, type, answer), from.port, from.address, () => undefined);
  }

  private begin(name: string, type: string): void {
    this.questions.push({ name, type });
    this.open.set(name, (this.open.get(name) ?? 0) + 1);
    for (const [pattern, most] of this.most)
      this.most.set(
        pattern,
        Math.max(most, [...this.open.keys()].filter((open) => pattern.test(open)).length),
      );
  }

  private end(name: string): void {
    const left = (this.open.get(name) ?? 1) - 1;
    if (left > 0) this.open.set(name, left);
    else this.open.delete(name);
  }
}

export async function startNameServer(answer: Answering): Promise<NameServer> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return new NameServer(socket, answer);
}

function readName(message: Buffer): { name: string; end: number } {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (; message[at] > 0; at += 1 + message[at])
    labels.push(message.toString('latin1', at + 1, at + 1 + message[at]));
  return { name: labels.join('.'), end: at + 1 };
}

/** Answers by way of an alias, as most names of providers have one. @param asked header and question */
function response(asked: Buffer, type: 'A' | 'AAAA', answer: NameAnswer): Buffer {
  const addresses = Array.isArray(answer)
    ? answer.filter((address) => isIPv6(address) === (type === 'AAAA'))
    : [];
  const question = asked.subarray(HEADER_BYTES);
  const alias = Buffer.from('\x05alias\x07example\x00', 'latin1');
  const records = addresses.length > 0 ? [record(Buffer.from([0xc0, HEADER_BYTES]), CODES.CNAME, alias)] : [];
  for (const address of addresses) records.push(record(alias, CODES[type], bytesOf(address)));
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(asked.readUInt16BE(0), 0);
  // A response with recursion; 3 is NXDOMAIN.
  header.writeUInt16BE(0x8180 | (answer === 'unknown' ? 3 : 0), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  return Buffer.concat([header, question, ...records]);
}

function record(name: Buffer, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt32BE(60, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([name, fixed, data]);
}

function bytesOf(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [head, tail = ''] = address.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0');
  return Buffer.from(
    [...groups(head), ...zeros, ...groups(tail)].map((group) => group.padStart(4, '0')).join(''),
    'hex',
  );
}
