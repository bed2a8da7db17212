import { Injectable } from '@nestjs/common';
import { newId } from '../common/ids';
import { VERSION } from '../common/version';

/** What tells this process from others, on every line of its log. */
@Injectable()
export class ProcessIdentity {
  readonly pid = process.pid;
  readonly version = VERSION;
  private id: string = newId();
  private isTaken = false;

  /** UUID under which the database knows this process (`instances`), or will. Another one after each registration that was lost. */
  get instanceId(): string {
    return this.id;
  }

  /** An id that no registration has had: the first one is on the lines of the start already. Called by `InstanceService`. */
  takeId(): string {
    if (this.isTaken) this.id = newId();
    this.isTaken = true;
    return this.id;
  }
}
