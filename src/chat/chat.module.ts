import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuthModule } from '../auth/auth.module';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { ChatController } from './chat.controller';
import { ChatService } from './chat.service';
import { ContextLoader } from './context/context-loader';
import { ConversationFeed } from './conversation-feed';
import { JournalEntity } from './journal/journal.entity';
import { JournalReplyLog } from './journal/journal-reply-log';
import { JournalRepository } from './journal/journal.repository';
import { JournalWriter } from './journal/journal-writer';
import { Recovery } from './recovery/recovery';
import { ReplyEndings } from './recovery/reply-endings';
import { Sweeper } from './recovery/sweeper';
import { MessageText } from './message-text';
import { RepliesService } from './replies.service';
import { ReplyCloser } from './reply/reply-closer';
import { ReplyGenerator } from './reply/reply-generator';
import { ReplyLog } from './reply/reply-log';
import { ReplyReader } from './reply/reply-reader';
import { RunningReplies } from './reply/running-replies';
import { OpenSockets } from './socket/open-sockets';
import { SocketCommands } from './socket/socket-commands';
import { SocketHandshake } from './socket/socket-handshake';
import { SocketServer } from './socket/socket-server';
import { StreamResponder } from './sse/stream-responder';
import { TurnStreams } from './sse/turn-streams';
import { TurnStarter } from './turn-starter';
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
  ],
  controllers: [ChatController, VersionsController, StreamsController],
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
    RunningReplies,
    { provide: ReplyLog, useClass: JournalReplyLog },
    JournalRepository,
    JournalWriter,
    ReplyEndings,
    Recovery,
    Sweeper,
    StreamResponder,
    TurnStreams,
    OpenSockets,
    SocketCommands,
    SocketHandshake,
    SocketServer,
  ],
})
export class ChatModule {}
