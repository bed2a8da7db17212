/** What the engine's thread is started with. */
export interface EngineSettings {
  /** Directory of the database cluster; absent means in memory. */
  directory?: string;
  /** PostgreSQL itself. Compiled by the process, so that threads that are started one after the other share its code. */
  program: WebAssembly.Module;
}

export type EngineRequest =
  /** Complete frontend messages of the PostgreSQL protocol, ended by one that makes the engine answer. */
  | { kind: 'execute'; data: Uint8Array<ArrayBuffer> }
  /** Forget the session: roll back what it left open and discard its settings. */
  | { kind: 'reset' }
  /** What the checkpointer and autovacuum do in a real PostgreSQL; skipped inside a transaction. */
  | { kind: 'maintain'; vacuum: boolean; checkpoint: boolean }
  | { kind: 'close' };

export interface EngineReply {
  data?: Uint8Array<ArrayBuffer>;
  error?: string;
}
