import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { UsageController } from './usage.controller';
import { UsageService } from './usage.service';

@Module({ imports: [MessagesModule, LlmModule], controllers: [UsageController], providers: [UsageService] })
export class UsageModule {}
