import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ControlCommands } from '../../operations/control/control-commands';
import { AdminCommands } from './admin-commands';

/** Commands of administrators that the running process does, as no other can open the embedded database. */
@Injectable()
export class AdminControl implements OnModuleInit {
  constructor(
    private readonly control: ControlCommands,
    private readonly commands: AdminCommands,
  ) {}

  onModuleInit(): void {
    this.control.define('admin', ({ arguments: args, password }) => this.commands.run(args, password));
  }
}
