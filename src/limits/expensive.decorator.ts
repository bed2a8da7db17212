import { SetMetadata } from '@nestjs/common';

export const EXPENSIVE = Symbol('routes whose answers are expensive');

/** Marks a route whose answer may be megabytes, or take long to find: fewer of one user are worked on at once (`ConcurrentRequests`). */
export const Expensive = () => SetMetadata(EXPENSIVE, true);
