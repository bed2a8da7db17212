/** Thrown by a handler instead of opening a stream: the answer is a bare 204, which tells an `EventSource` to stay away. */
export class NoContentException extends Error {
  constructor() {
    super('Nothing to send.');
    this.name = 'NoContentException';
  }
}
