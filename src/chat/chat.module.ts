import { Module } from '@nestjs/common';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { ChatController } from './chat.controller';
import { ChatService } from './chat.service';
import { ContextLoader } from './context/context-loader';
import { ConversationFeed } from './conversation-feed';
import { ReplyEndings } from './recovery/reply-endings';
import { Sweeper } from './recovery/sweeper';
import { RepliesService } from './replies.service';
import { MemoryReplyLog } from './reply/memory-reply-log';
import { ReplyCloser } from './reply/reply-closer';
import { ReplyGenerator } from './reply/reply-generator';
import { ReplyLog } from './reply/reply-log';
import { ReplyReader } from './reply/reply-reader';
import { RunningReplies } from './reply/running-replies';
import { StreamResponder } from './sse/stream-responder';
import { StreamsController } from './streams.controller';

@Module({
  imports: [ConversationsModule, InstancesModule, LlmModule, MessagesModule],
  controllers: [ChatController, StreamsController],
  providers: [
    ChatService,
    RepliesService,
    ConversationFeed,
    ContextLoader,
    ReplyGenerator,
    ReplyCloser,
    ReplyReader,
    RunningReplies,
    { provide: ReplyLog, useClass: MemoryReplyLog },
    ReplyEndings,
    Sweeper,
    StreamResponder,
  ],
})
export class ChatModule {}
