import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

/** Both ends of a WebSocket, and what the server's end runs on. */
export interface SocketPair {
  client: WebSocket;
  socket: WebSocket;
  connection: Socket;
  close(): void;
}

export async function socketPair(): Promise<SocketPair> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new WebSocketServer({ server });
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [socket, request] = (await once(sockets, 'connection')) as [WebSocket, { socket: Socket }];
  await once(client, 'open');
  const close = () => {
    client.terminate();
    server.close();
  };
  return { client, socket, connection: request.socket, close };
}
