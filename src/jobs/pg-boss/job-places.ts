import type { JobWithMetadata, PgBoss } from 'pg-boss';

/** Between two looks of a place for jobs of its own accord, in seconds: `PgBossQueue` wakes those that have something to do. */
const NEVER_S = 24 * 3600;
/** A place that was woken has found its job within this time, or there is none. */
const FETCHING_MS = 500;

/** What runs one job after the other; pg-boss's word is worker. */
interface Place {
  /** Undefined for a moment after it has been made. */
  id: string | undefined;
  busy: boolean;
  wokenAt: number;
}

/**
 * The places of one type in this process. Each is a worker of pg-boss that fetches one job when it is woken, and the next one when that is done.
 * They are made when they are needed: a process that has nothing to do asks the database nothing.
 */
export class JobPlaces {
  private readonly places: Place[] = [];
  private closed = false;

  constructor(
    private readonly boss: PgBoss,
    private readonly type: string,
    private readonly most: number,
    private readonly run: (job: JobWithMetadata) => Promise<void>,
  ) {}

  /** There may be so many jobs: each goes to a place of its own, as far as there are places. */
  async wake(jobs: number): Promise<void> {
    for (let woken = 0; woken < Math.min(jobs, this.most) && !this.closed; woken++) {
      const free = this.places.find(
        ({ busy, wokenAt }) => !busy && performance.now() - wokenAt > FETCHING_MS,
      );
      if (free?.id) this.notify(free, free.id);
      else if (this.places.length < this.most) await this.open();
      else this.places.forEach((place) => !place.busy && place.id && this.notify(place, place.id));
    }
  }

  /** None begins any more. */
  close(): void {
    this.closed = true;
  }

  private notify(place: Place, id: string): void {
    place.wokenAt = performance.now();
    this.boss.notifyWorker(id);
  }

  private async open(): Promise<void> {
    const place: Place = { id: undefined, busy: false, wokenAt: performance.now() };
    this.places.push(place);
    const options = { batchSize: 1, includeMetadata: true, pollingIntervalSeconds: NEVER_S } as const;
    // Fetches at once.
    place.id = await this.boss.work<object, void, typeof options>(this.type, options, async ([job]) => {
      place.busy = true;
      try {
        await this.run(job);
      } finally {
        place.busy = false;
        // Looks for the next one when this one is settled.
        if (place.id) this.notify(place, place.id);
      }
    });
  }
}
