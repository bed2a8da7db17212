import { ConfigError } from '../config/config-error';

const CANNOT_WRITE: Record<string, string> = {
  EACCES: 'may not be read and written by this user',
  EPERM: 'may not be read and written by this user',
  EROFS: 'is on a file system that is read-only',
  ENOTDIR: 'is not a folder, or is below a file',
  EEXIST: 'is a file, not a folder',
  ENOSPC: 'is on a disk without room',
  EDQUOT: 'is on a disk without room for this user',
  ENAMETOOLONG: 'is too long a path',
  ELOOP: 'is a circle of links',
};
/** With the folders above it; Node says the same of both. */
const CANNOT_MAKE =
  'cannot be made: it is on a file system that is read-only, or leads through a link to nowhere';

/** Fields of an error of Node for a failed call of the system. */
interface SystemError extends NodeJS.ErrnoException {
  /** Of a copy. */
  dest?: string;
  /** Of a name that was looked up. */
  hostname?: string;
}

/** As far as the configuration is known. */
export interface Places {
  dataDir?: string;
  host?: string;
}

/** One sentence for whoever starts the service, with the variable that can mend it; the stack only where nobody knows what it is. */
export function explain(error: unknown, { dataDir, host }: Places): string {
  if (error instanceof ConfigError) return error.message;
  const { code = '', message, stack, syscall, path, dest, hostname } = error as SystemError;
  if (code === 'EADDRINUSE')
    return `PORT: ${message}: something else listens there already. Choose another PORT or stop it.`;
  if (syscall === 'listen' && code === 'EACCES')
    return `PORT or HOST: ${message}: this address may not be listened on. Choose another PORT or HOST.`;
  if (syscall === 'listen' && code === 'EADDRNOTAVAIL')
    return `HOST: ${message}: this machine has no such address. Choose another HOST.`;
  if (hostname !== undefined && hostname === host)
    return `HOST: ${host} is not known by the name service (${code}). Choose an address of this machine.`;
  const written = dest ?? path ?? dataDir;
  const isOurs = syscall === 'mkdir' || (dataDir !== undefined && written?.startsWith(dataDir));
  const why = syscall === 'mkdir' && code === 'ENOENT' ? CANNOT_MAKE : CANNOT_WRITE[code];
  if (syscall && isOurs)
    return `DATA_DIR: ${why ? `${written} ${why} (${code})` : message}. Choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL.`;
  return stack ?? message ?? String(error);
}
