import { Injectable } from '@nestjs/common';
import { Subject } from 'rxjs';

/** Emits the error of each statement that has failed on a connection of the pool. */
@Injectable()
export class FailedStatements extends Subject<unknown> {}
