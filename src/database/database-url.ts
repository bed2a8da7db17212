import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type ConnectionOptions as TlsOptions } from 'node:tls';
import { ConfigError } from '../config/config-error';

export interface DatabaseUrl {
  /** For pg: without the parameters that are understood here. */
  url: string;
  ssl?: boolean | TlsOptions;
  /** A pooler in transaction mode is in between: a session does not outlive a transaction. */
  pooled: boolean;
}

/** Supabase's and Supavisor's transaction mode. */
const TRANSACTION_POOLER_PORT = '6543';
const OWN_PARAMETERS = [
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'uselibpqcompat',
  'pgbouncer',
  'connection_limit',
  'pool_timeout',
];

/**
 * Reads what pg reads otherwise than libpq, or not at all:
 *
 * - `sslmode` as in libpq: `disable`; `require` encrypts and checks nothing, or the issuer if there is an `sslrootcert`;
 *   `verify-ca` (needs `sslrootcert`) and `verify-full`, which adds the host name, and trusts Node's authorities if there
 *   is no `sslrootcert` or it is `system`. `no-verify` is pg's word for `require`. `allow` and `prefer`, which may
 *   silently fall back to an open connection, are refused. Without `sslmode` the connection is not encrypted.
 * - `sslrootcert`, `sslcert`, `sslkey`: paths of PEM files.
 * - `pgbouncer=true`, or port 6543: a pooler in transaction mode. Session limits are then not sent; statements are limited
 *   from this side only.
 */
export function parseDatabaseUrl(text: string): DatabaseUrl {
  const url = toUrl(text);
  const parameters = new URLSearchParams(url.search);
  for (const name of OWN_PARAMETERS) url.searchParams.delete(name);
  return {
    url: url.toString(),
    ssl: tlsOptions(parameters),
    pooled: parameters.get('pgbouncer') === 'true' || url.port === TRANSACTION_POOLER_PORT,
  };
}

function toUrl(text: string): URL {
  try {
    const url = new URL(text);
    // As pg does when it connects.
    for (const part of [url.username, url.password, url.pathname]) decodeURIComponent(part);
    return url;
  } catch (error) {
    if (error instanceof URIError)
      throw new ConfigError(['DATABASE_URL: a % in the user, password or database must be written as %25']);
    throw new ConfigError([
      'DATABASE_URL must be a URL such as postgresql://user:password@host:5432/database',
    ]);
  }
}

function tlsOptions(parameters: URLSearchParams): boolean | TlsOptions | undefined {
  const mode = parameters.get('sslmode');
  const ca = parameters.get('sslrootcert');
  switch (mode) {
    case null:
      return undefined;
    case 'disable':
      return false;
    case 'no-verify':
      return { ...files(parameters), rejectUnauthorized: false };
    case 'require':
      return ca ? issuerOnly(parameters) : { ...files(parameters), rejectUnauthorized: false };
    case 'verify-ca':
      if (!ca) throw new ConfigError(['DATABASE_URL: sslmode=verify-ca needs an sslrootcert']);
      return issuerOnly(parameters);
    case 'verify-full':
      return { ...files(parameters), rejectUnauthorized: true };
    default:
      throw new ConfigError([
        'DATABASE_URL: sslmode must be one of disable, require, verify-ca, verify-full (or no-verify)',
      ]);
  }
}

function issuerOnly(parameters: URLSearchParams): TlsOptions {
  return { ...files(parameters), rejectUnauthorized: true, checkServerIdentity: () => undefined };
}

function files(parameters: URLSearchParams): TlsOptions {
  const options: TlsOptions = {};
  const ca = parameters.get('sslrootcert');
  if (ca && ca !== 'system') options.ca = pem(ca, 'sslrootcert');
  if (parameters.has('sslcert')) options.cert = pem(parameters.get('sslcert') ?? '', 'sslcert');
  if (parameters.has('sslkey')) options.key = pem(parameters.get('sslkey') ?? '', 'sslkey');
  requireKeys(options);
  return options;
}

function pem(path: string, parameter: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new ConfigError([`DATABASE_URL: the file of ${parameter} cannot be read`]);
  }
}

/** A connection would pass over an authority that is none, and then blame the server's certificate. */
function requireKeys({ ca, cert, key }: TlsOptions): void {
  if (ca && !isCertificate(ca as string))
    throw new ConfigError(['DATABASE_URL: the file of sslrootcert holds no certificate in PEM']);
  try {
    if (cert || key) createSecureContext({ cert, key });
  } catch {
    throw new ConfigError([
      'DATABASE_URL: the files of sslcert and sslkey hold no certificate and its key in PEM, without a passphrase',
    ]);
  }
}

function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).fingerprint256 !== '';
  } catch {
    return false;
  }
}
