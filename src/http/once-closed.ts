import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Calls back once, when the answer or its connection is closed, or at once if that is so: an answer that waits behind another one of
 * its connection does not hear of its own end. The function that is returned takes the call back.
 * @param response absent for what is as long as its connection
 */
export function onceClosed(
  connection: Socket,
  response: ServerResponse | undefined,
  callback: () => void,
): () => void {
  const cancel = (): void => {
    connection.off('close', onClose);
    response?.off('close', onClose);
  };
  const onClose = (): void => {
    cancel();
    callback();
  };
  connection.once('close', onClose);
  response?.once('close', onClose);
  if (connection.closed) onClose();
  return cancel;
}
