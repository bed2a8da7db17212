import { API_PREFIX } from './api-prefix';

const HEALTH = new RegExp(`^(/${API_PREFIX})?/health(/live|/ready)?/?$`);

/**
 * Whether a request target is a health check. Orchestrators ask by addresses that nobody has listed, again and again, and must be answered: neither
 * ALLOWED_HOSTS nor the limits of a network apply. The answer is the same for everybody.
 */
export function isHealthCheck(target = ''): boolean {
  return HEALTH.test(target.replace(/\?.*$/s, ''));
}
