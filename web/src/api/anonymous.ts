import { createClient, createConfig } from '@client';

/** The client for calls that need no identity, and must not wait for one. */
export const anonymous = createClient(createConfig({ baseUrl: '' }));
