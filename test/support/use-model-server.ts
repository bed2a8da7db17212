import { ModelServer } from './model-server';

/** A model server for the tests of a file, or of a `describe`: it listens while they run. */
export function useModelServer(): ModelServer {
  const server = new ModelServer();
  beforeAll(() => server.listen());
  afterAll(() => server.close());
  return server;
}
