import { readFileSync } from 'node:fs';

/** Variables that may be in a file instead, which a variable of this name with `_FILE` names: what mounts secrets mounts files. */
export const SECRETS = [
  'DATABASE_URL',
  'AUTH_PROXY_SECRET',
  'JWT_SECRET',
  'OPENAI_API_KEY',
  'ENCRYPTION_KEY',
  'ENCRYPTION_KEYS_PREVIOUS',
  'SMTP_URL',
  'METRICS_TOKEN',
  'OTEL_EXPORTER_OTLP_HEADERS',
] as const;

/**
 * The environment with what is in the files of secrets. A variable that is set itself wins, so that one can be given where something else names files.
 * @param problems what is added for a file that cannot be read: the name of the variable, and why
 */
export function withSecretFiles(env: NodeJS.ProcessEnv, problems: Map<string, string>): NodeJS.ProcessEnv {
  const read: NodeJS.ProcessEnv = {};
  for (const name of SECRETS) {
    try {
      read[name] = secretOf(env, name);
    } catch (error) {
      problems.set(
        `${name}_FILE`,
        `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`,
      );
    }
  }
  return { ...env, ...read };
}

/**
 * One secret, from the environment or from its file; undefined if neither is named.
 * @throws {Error} if the file cannot be read
 */
export function secretOf(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const file = secretFile(env, name);
  return file ? readFileSync(file, 'utf8').trim() : env[name]?.trim() || undefined;
}

/** The file that a secret is read from; undefined where the variable itself is set, or none is named. */
export function secretFile(env: NodeJS.ProcessEnv, name: string): string | undefined {
  return env[name]?.trim() ? undefined : env[`${name}_FILE`]?.trim() || undefined;
}

/** Whether this is the name of a secret's file. */
export function isSecretFile(name: string, isSecret: (name: string) => boolean): boolean {
  const secret = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : '';
  return (SECRETS as readonly string[]).includes(secret) || (secret !== '' && isSecret(secret));
}
