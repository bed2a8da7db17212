import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module';
import { ConversationsModule } from '../conversations/conversations.module';
import { MessagesModule } from '../messages/messages.module';
import { RepliesModule } from '../replies/replies.module';
import { StreamingModule } from '../streaming/streaming.module';
import { TurnsModule } from '../turns/turns.module';
import { CancelController } from './cancel.controller';
import { ChatController } from './chat.controller';
import { ContentParser } from './content-parser';
import { ReplyActionsController } from './reply-actions.controller';
import { ReplyStreamsController } from './reply-streams.controller';
import { SocketCommands } from './socket/socket-commands';
import { SocketFeeds } from './socket/socket-feeds';
import { SocketHandshake } from './socket/socket-handshake';
import { SocketRegistry } from './socket/socket-registry';
import { SocketRules } from './socket/socket-rules';
import { SocketServer } from './socket/socket-server';
import { UserEventsController } from './user-events.controller';
import { TurnStreams } from './turn-streams';

/** The native API: HTTP routes, SSE and WebSocket. No other feature imports it. */
@Module({
  imports: [AuthModule, ConversationsModule, MessagesModule, StreamingModule, RepliesModule, TurnsModule],
  controllers: [
    ChatController,
    ReplyActionsController,
    CancelController,
    ReplyStreamsController,
    UserEventsController,
  ],
  providers: [
    ContentParser,
    TurnStreams,
    SocketRegistry,
    SocketCommands,
    SocketFeeds,
    SocketHandshake,
    SocketRules,
    SocketServer,
  ],
})
export class ChatModule {}
