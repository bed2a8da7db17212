import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { RepeatedTask } from '../../../common/repeated-task';
import { InstanceService } from '../../../instances/instance.service';
import { JournalRepository } from './journal.repository';

const EVERY_MS = 2_500;

/** Deletes the journals of processes that are gone and have left no reply open. */
@Injectable()
export class JournalCleanup implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly task = new RepeatedTask({
    failure: 'Journals that nobody needs could not be deleted; later',
    firstMs: 0,
    everyMs: EVERY_MS,
    run: () => this.run(),
  });

  constructor(
    private readonly journal: JournalRepository,
    private readonly instance: InstanceService,
  ) {}

  onApplicationBootstrap(): void {
    void this.instance.registered.then(() => this.task.begin());
  }

  onModuleDestroy(): void {
    this.task.end();
  }

  async run(): Promise<void> {
    for (const id of await this.journal.unneeded()) await this.journal.drop(id);
  }
}
