import { SpawnedService } from '../../support/spawned-service';

/** One place of the service in a scenario: a process, and after its end the next one. */
export class ServiceSlot {
  private service: SpawnedService | undefined;
  private address = Promise.withResolvers<string>();

  constructor(
    private readonly directory: string,
    private readonly env: NodeJS.ProcessEnv,
    private readonly check: (output: string) => void,
  ) {}

  /** Where the service listens, as soon as it does again. */
  readonly origin = (): Promise<string> => this.address.promise;

  get running(): SpawnedService {
    if (!this.service) throw new Error('The service has not been started.');
    return this.service;
  }

  /** Milliseconds until it was ready. */
  async start(env: NodeJS.ProcessEnv = {}): Promise<number> {
    const began = performance.now();
    this.service = new SpawnedService(this.directory, { ...this.env, ...env });
    const url = await this.service.ready();
    const took = performance.now() - began;
    this.address.resolve(url);
    return took;
  }

  /** Until the process has ended, whoever ended it; clients wait for the next one from then on. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    const exit = await this.running.exit;
    this.address = Promise.withResolvers<string>();
    this.check(this.running.output);
    return exit;
  }

  async kill(): Promise<void> {
    if (!this.service) return;
    this.service.signal('SIGKILL');
    await this.ended();
    this.service = undefined;
  }

  async terminate(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    this.running.signal(signal);
    return this.ended();
  }
}
