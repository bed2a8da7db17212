import { Module } from '@nestjs/common';
import { ControlModule } from './control/control.module';
import { ControlServer } from './control/control-server';
import { BackupCommand } from './backup-command';

/** What the running process does for those who operate it. */
@Module({ imports: [ControlModule], providers: [ControlServer, BackupCommand] })
export class OperationsModule {}
