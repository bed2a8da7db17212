import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Many at once, since the disk writes them together. */
const AT_ONCE = 16;

/** Forces to the disk what was written to a file, or which names a folder has: after a power failure it is there. */
export async function makeDurable(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The same for a folder with everything below it. */
export async function makeTreeDurable(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  const waiting = [...paths, folder].values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const path of waiting) await makeDurable(path);
    }),
  );
}
