import { endOf, startOf } from '../http/day-or-time';
import { validationFailed } from '../http/validation.pipe';
import type { FeedbackFilterQuery } from './dto/feedback.dto';
import type { FeedbackFilter } from './feedback-filter';

/** @throws {AppError} `validation_failed` for a time that ends before it begins */
export function toFilter({ rating, model, tag, from, to }: FeedbackFilterQuery): FeedbackFilter {
  if (from && to && startOf(from) > endOf(to))
    throw validationFailed([{ path: 'from', message: 'must not be after `to`' }]);
  return {
    ...(rating !== undefined && { rating }),
    ...(model !== undefined && { model }),
    ...(tag !== undefined && { tag }),
    ...(from !== undefined && { from: startOf(from) }),
    ...(to !== undefined && { to: endOf(to) }),
  };
}
