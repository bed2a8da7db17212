import type { UserEvent } from './dto/user-event.dto';

/** An event and its number among those of its user. */
export interface NumberedEvent {
  seq: number;
  event: UserEvent;
  /** `event` as JSON, for all of its readers. */
  json: string;
}
