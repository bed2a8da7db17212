import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { ProvidersModule } from '../providers/providers.module';
import { UsersModule } from '../users/users.module';
import { ChatController } from './chat.controller';
import { ChatService } from './chat.service';
import { ContextLoader } from './context/context-loader';
import { ConversationFeed } from './conversation-feed';
import { Checkpoints } from './journal/checkpoints';
import { JournalEntity } from './journal/journal.entity';
import { JournalReplyLog } from './journal/journal-reply-log';
import { JournalRepository } from './journal/journal.repository';
import { JournalWriter } from './journal/journal-writer';
import { ModelChoices } from './model-choices';
import { EndingsElsewhere } from './peers/endings-elsewhere';
import { JournalTails } from './peers/journal-tails';
import { TurnsElsewhere } from './peers/turns-elsewhere';
import { BusyConversations } from './queue/busy-conversations';
import { QueueWatch } from './queue/queue-watch';
import { QueuedRequests } from './queue/queued-requests';
import { ReplyQueue } from './queue/reply-queue';
import { AbandonedReplies } from './recovery/abandoned-replies';
import { LockOuts } from './recovery/lock-outs';
import { Recovery } from './recovery/recovery';
import { ReplyEndings } from './recovery/reply-endings';
import { Sweeper } from './recovery/sweeper';
import { MessageText } from './message-text';
import { RepliesService } from './replies.service';
import { ReplyCloser } from './reply/reply-closer';
import { ReplyGenerator } from './reply/reply-generator';
import { ReplyLog } from './reply/reply-log';
import { ReplyReader } from './reply/reply-reader';
import { ReplyStopper } from './reply/reply-stopper';
import { RunningReplies } from './reply/running-replies';
import { OpenSockets } from './socket/open-sockets';
import { SocketCommands } from './socket/socket-commands';
import { SocketHandshake } from './socket/socket-handshake';
import { SocketRules } from './socket/socket-rules';
import { SocketServer } from './socket/socket-server';
import { StreamResponder } from './sse/stream-responder';
import { TurnStreams } from './sse/turn-streams';
import { TurnStarter } from './turn-starter';
import { StopsController } from './stops.controller';
import { StreamsController } from './streams.controller';
import { VersionsController } from './versions.controller';

@Module({
  imports: [
    TypeOrmModule.forFeature([JournalEntity]),
    AuthModule,
    ConversationsModule,
    InstancesModule,
    LlmModule,
    MessagesModule,
    ProvidersModule,
    UsersModule,
  ],
  controllers: [ChatController, VersionsController, StopsController, StreamsController],
  providers: [
    ChatService,
    TurnStarter,
    MessageText,
    RepliesService,
    ConversationFeed,
    ContextLoader,
    ReplyGenerator,
    ReplyCloser,
    ReplyReader,
    ReplyStopper,
    RunningReplies,
    ModelChoices,
    ReplyQueue,
    QueuedRequests,
    BusyConversations,
    QueueWatch,
    JournalTails,
    EndingsElsewhere,
    TurnsElsewhere,
    { provide: ReplyLog, useClass: JournalReplyLog },
    JournalRepository,
    JournalWriter,
    Checkpoints,
    ReplyEndings,
    LockOuts,
    Recovery,
    AbandonedReplies,
    Sweeper,
    StreamResponder,
    TurnStreams,
    OpenSockets,
    SocketCommands,
    SocketHandshake,
    SocketRules,
    SocketServer,
  ],
})
export class ChatModule {}
