import { Module } from '@nestjs/common';
import { ControlCommands } from './control-commands';

@Module({ providers: [ControlCommands], exports: [ControlCommands] })
export class ControlModule {}
