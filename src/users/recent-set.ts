/** A set of bounded size that forgets what was used longest ago. */
export class RecentSet<T> {
  private readonly items = new Set<T>();

  constructor(private readonly capacity: number) {}

  has(item: T): boolean {
    if (!this.items.delete(item)) return false;
    this.items.add(item);
    return true;
  }

  add(item: T): void {
    this.items.delete(item);
    this.items.add(item);
    if (this.items.size <= this.capacity) return;
    const [oldest] = this.items;
    this.items.delete(oldest);
  }
}
