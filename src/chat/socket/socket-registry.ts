import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WebSocket } from 'ws';
import { SessionExpiryWatcher } from '../../auth/session-expiry-watcher';
import { AppConfig } from '../../config/app-config';
import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import { ActiveReplies } from '../../replies/produce/active-replies';
import { tooManySockets } from './socket.errors';
import { Heartbeat } from './heartbeat';
import type { SocketSession } from './socket-session';

/** Time for closing all sockets at shutdown; then a client that has not closed is cut off, so that it cannot hold up the process. */
const GOODBYE_MS = 3_000;

interface OpenSocket {
  socket: WebSocket;
  session: SocketSession;
  pulse: Heartbeat;
}

/** The open sockets of this process: limits them per user, ticks their heartbeats and closes them at shutdown. */
@Injectable()
export class SocketRegistry implements OnApplicationBootstrap {
  private readonly sockets = new Set<OpenSocket>();
  private readonly perUser = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly config: AppConfig,
    private readonly active: ActiveReplies,
    private readonly watch: SessionExpiryWatcher,
  ) {}

  onApplicationBootstrap(): void {
    const tickAll = () => this.sockets.forEach(({ pulse }) => pulse.tick());
    this.timer = setInterval(tickAll, this.config.chat.heartbeatMs).unref();
    // Sockets close only after the active replies have ended, so that readers get their ends. The HTTP server waits for them when it closes.
    this.active.closed$.subscribe(() => void this.closeAll());
  }

  /** @throws AppError `too_many_sockets` */
  assertRoom(userId: string): void {
    // The limit has room for every tab on every device of a person, not for all users of a service behind one user id.
    const { limit } = OPEN_ANSWER_BOUNDS.socketsOfIdentity;
    if ((this.perUser.get(userId) ?? 0) >= limit) throw tooManySockets();
  }

  add(socket: WebSocket, session: SocketSession): void {
    const open = { socket, session, pulse: new Heartbeat(socket) };
    this.sockets.add(open);
    const { identity } = session;
    const unwatch = this.watch.watch(identity, () => session.closeUnauthenticated());
    this.count(identity.userId, 1);
    socket.once('close', () => {
      this.sockets.delete(open);
      unwatch();
      this.count(identity.userId, -1);
    });
  }

  private async closeAll(): Promise<void> {
    clearInterval(this.timer);
    const closings = [...this.sockets].map(async ({ socket, session }) => {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await session.leave();
      await closed;
    });
    await Promise.race([Promise.all(closings), sleep(GOODBYE_MS, undefined, { ref: false })]);
    this.sockets.forEach(({ socket }) => socket.terminate());
  }

  private count(userId: string, change: number): void {
    const count = (this.perUser.get(userId) ?? 0) + change;
    if (count > 0) this.perUser.set(userId, count);
    else this.perUser.delete(userId);
  }
}
