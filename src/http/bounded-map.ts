/** A map of bounded size that forgets what was used longest ago. */
export class BoundedMap<K, V> {
  private readonly items = new Map<K, V>();

  constructor(private readonly capacity: number) {}

  get(key: K): V | undefined {
    const value = this.items.get(key);
    if (value === undefined) return undefined;
    this.items.delete(key);
    this.items.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.items.delete(key);
    this.items.set(key, value);
    if (this.items.size <= this.capacity) return;
    const [oldest] = this.items.keys();
    this.items.delete(oldest);
  }

  delete(key: K): void {
    this.items.delete(key);
  }

  clear(): void {
    this.items.clear();
  }

  /** Those that are there, in the order of their last use. */
  entries(): IterableIterator<[K, V]> {
    return this.items.entries();
  }
}
