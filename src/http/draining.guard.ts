import { Injectable, type CanActivate } from '@nestjs/common';
import { Draining } from './draining';

/** For routes that begin something which outlives their request: refused once the process shuts down. */
@Injectable()
export class DrainingGuard implements CanActivate {
  constructor(private readonly draining: Draining) {}

  canActivate(): boolean {
    this.draining.assertOpen();
    return true;
  }
}
