import { Resolver } from 'node:dns';
import { z } from 'zod';
import { parseCidr } from './network';

/*
 * How a variable's text becomes a value. No message may repeat the text: it can be a secret.
 */

export function wholeNumber(min: number, max: number, fallback: number) {
  return plainNumber(min, max).default(fallback);
}

/** For a variable whose default is held in another way than what the operator sets. */
export function optionalWholeNumber(min: number, max: number) {
  return plainNumber(min, max).optional();
}

function plainNumber(min: number, max: number) {
  const message = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

export function flag() {
  return z
    .enum(['true', 'false', '1', '0'], 'must be true or false')
    .transform((text) => text === 'true' || text === '1');
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, `must be one of ${values.join(', ')}`);
}

const UNITS = { '': 1, b: 1, kb: 1024, mb: 1024 ** 2 } as const;

/** `512kb`, `1mb` or a number of bytes. */
export function byteSize(min: number, max: number, fallback: number) {
  const message = `must be a size such as 512kb or 1mb, from ${min} to ${max} bytes`;
  return z
    .string()
    .regex(/^\d{1,12}(b|kb|mb)?$/i, message)
    .transform((text) => Number.parseInt(text, 10) * UNITS[unitOf(text)])
    .refine((value) => value >= min && value <= max, message)
    .default(fallback);
}

/** Printable ASCII but for what separates, encloses or encodes values in headers and paths: `auth0|…`, `a+b@example.com`. */
const USER_ID = /^[!#$&(-+\-.0-~]{1,128}$/;

/** Whether it can be who a gateway says the caller is. */
export function isUserId(text: string): boolean {
  return USER_ID.test(text);
}

export function url(protocols: readonly string[]) {
  const message = `must be a URL that begins with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`;
  return z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), message);
}

export function list(isItem: (item: string) => boolean, message: string) {
  return z
    .string()
    .transform((text) => text.split(',').map((item) => item.trim()))
    .refine((items) => items.every(isItem), message)
    .default([]);
}

export function isOrigin(text: string): boolean {
  return text === '*' || (/^https?:\/\//.test(text) && URL.canParse(text) && new URL(text).origin === text);
}

export function isCidr(text: string): boolean {
  return parseCidr(text) !== undefined;
}

/** 32 bytes in base64. */
export function isEncryptionKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text);
}

/** As in `Host`, without a port; IPv6 in brackets. */
export function isHostName(text: string): boolean {
  return isHost(text) && !/[^\]]:\d+$/.test(text) && !/\]:/.test(text);
}

/** What HTTP lets a header's value have. */
const IN_HEADER = /^[\t\x20-\x7e\x80-\xff]+$/;

/** `name=value` of a header, the value as in a URL. */
export function isHeaderPair(text: string): boolean {
  const [, value] = /^[A-Za-z0-9-]+\s*=\s*([\x21-\x7e]+)$/.exec(text) ?? [];
  const decoded = decodedOf(value ?? '');
  return decoded !== undefined && IN_HEADER.test(decoded);
}

/** A mail server's URL, as it is taken apart when mail is sent. */
export function isMailServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { hostname, username, password } = new URL(text);
  return hostname !== '' && [username, password].every((part) => decodedOf(part) !== undefined);
}

/** Undefined where a `%` is not followed by what it has to be. */
function decodedOf(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A host name or an address, IPv6 in brackets, with or without a port. */
export function isHost(text: string): boolean {
  return URL.canParse(`http://${text}`) && /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.test(text);
}

/** As `dns.setServers` takes it: an address, IPv6 with a port in brackets. */
export function isDnsServer(text: string): boolean {
  try {
    new Resolver().setServers([text]);
    return true;
  } catch {
    return false;
  }
}

function unitOf(text: string): keyof typeof UNITS {
  return text.replace(/^\d+/, '').toLowerCase() as keyof typeof UNITS;
}
