import { ConfigError } from '../config/config-error';

const CANNOT_WRITE: Record<string, string> = {
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  EROFS: 'is on a file system that is read-only',
  ENOTDIR: 'is not a folder, or is below a file',
  EEXIST: 'is a file, not a folder',
  ENOSPC: 'is on a disk without room',
  EDQUOT: 'is on a disk without room for this user',
  ENAMETOOLONG: 'is too long a path',
  ELOOP: 'is a circle of links',
};

/** One sentence for whoever starts the service, with the variable that can mend it; the stack only where nobody knows what it is. */
export function explain(error: unknown, dataDir: string | undefined): string {
  if (error instanceof ConfigError) return error.message;
  const { code = '', message, stack, syscall, path } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return `PORT: ${message}: something else listens there already. Choose another PORT or stop it.`;
  if (syscall === 'listen' && code === 'EACCES')
    return `PORT or HOST: ${message}: this address may not be listened on. Choose another PORT or HOST.`;
  if (syscall === 'listen' && code === 'EADDRNOTAVAIL')
    return `HOST: ${message}: this machine has no such address. Choose another HOST.`;
  if (
    code in CANNOT_WRITE &&
    (path === undefined || (dataDir !== undefined && path.startsWith(dataDir)) || syscall === 'mkdir')
  )
    return `DATA_DIR: ${path ?? dataDir} ${CANNOT_WRITE[code]} (${code}). Choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL.`;
  return stack ?? message ?? String(error);
}
