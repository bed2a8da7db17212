import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelServer } from './model-server';
import { type CommandResult, OperatorCommand } from './operator-command';
import { SpawnedService } from './spawned-service';

/** A folder of an operator: services that run there, and commands that are given there. */
export class OperatedService {
  readonly directory = mkdtempSync(join(tmpdir(), 'parley-operated-'));
  readonly dataDir = join(this.directory, 'data');
  private readonly services: SpawnedService[] = [];
  private readonly commands: OperatorCommand[] = [];

  constructor(private readonly model: ModelServer) {}

  /** A service on this data directory; further variables go over ours. */
  start(dataDir = this.dataDir, env: NodeJS.ProcessEnv = {}): SpawnedService {
    const service = new SpawnedService(this.directory, {
      DATA_DIR: dataDir,
      OPENAI_BASE_URL: `${new URL(this.model.url).origin}/v1`,
      OPENAI_API_KEY: 'sk-test',
      OPENAI_MODEL: 'gpt-5-mini',
      ...env,
    });
    this.services.push(service);
    return service;
  }

  command(
    name: 'admin' | 'backup' | 'restore' | 'move-database',
    args: string[],
    env: NodeJS.ProcessEnv = {},
  ) {
    const command = new OperatorCommand(name, args, this.directory, { DATA_DIR: this.dataDir, ...env });
    this.commands.push(command);
    return command;
  }

  run(...parameters: Parameters<OperatedService['command']>): Promise<CommandResult> {
    return this.command(...parameters).result;
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  async close(): Promise<void> {
    for (const { child, result } of this.commands) {
      child.kill('SIGKILL');
      await result;
    }
    for (const service of this.services) await service.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A user of a service, by plain requests. */
export class PlainUser {
  constructor(
    private readonly url: string,
    readonly id: string = `user-${randomUUID().slice(0, 8)}`,
  ) {}

  /**
   * A turn in a conversation of its own; answers the ids of its messages once its reply has ended, and so is acknowledged. A machine that is busy
   * takes longer for a statement than the service waits, which says so and is asked again.
   */
  async turn(content: string): Promise<string[]> {
    let response = await this.post(content);
    for (let tries = 1; response.status === 503 && tries < 10; tries++) response = await this.post(content);
    const text = await response.text();
    const events = text
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => JSON.parse(line.slice(6)) as { type: string; data: Record<string, string> });
    const start = events.find(({ type }) => type === 'start');
    if (!start || events.at(-1)?.type !== 'end')
      throw new Error(`No whole reply: ${response.status} ${text.slice(0, 500)}`);
    return [start.data.message_id, start.data.user_message_id].filter(Boolean);
  }

  private post(content: string): Promise<Response> {
    return fetch(`${this.url}/api/v1/chat?full_text=false`, {
      method: 'POST',
      headers: { 'X-User-ID': this.id, 'Content-Type': 'application/json' },
      body: JSON.stringify({ content }),
    });
  }

  /** All that the service has of this user, in lines of JSON, but for the records of exports, each of which adds one. */
  async export(): Promise<string> {
    const response = await fetch(`${this.url}/api/v1/users/${this.id}/export`, {
      headers: { 'X-User-ID': this.id },
    });
    if (!response.ok) throw new Error(`No export: ${response.status} ${await response.text()}`);
    const lines = (await response.text()).split('\n');
    return lines.filter((line) => !line.includes('"action":"user.exported"')).join('\n');
  }
}
