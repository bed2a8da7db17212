/** Before every route, except the health routes that orchestrators look for at the root. */
export const API_PREFIX = 'api/v1';
