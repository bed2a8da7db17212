import type { Attack } from './attack';
import { BODIES } from './bodies';
import { READERS } from './readers';
import { REQUESTS } from './requests';
import { STREAMS } from './streams';

/** The attacks by load, in the order in which they take place. What the others get as an answer is in the scenario itself. */
export const ATTACKS: readonly Attack[] = [...BODIES, ...STREAMS, ...READERS, ...REQUESTS];
