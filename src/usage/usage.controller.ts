import { Controller, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { STORAGE_BOUNDS } from '../config/bounds';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { ReadRoute } from '../http/routes';
import { validationFailed } from '../http/validation.pipe';
import { Expensive } from '../limits/expensive.decorator';
import { UsageQuery } from './dto/usage.query';
import { UsageResponse } from './dto/usage.response';
import { UsageReportService } from './usage-report.service';

const DAY_MS = 86_400_000;
const USUAL_DAYS = 30;
const MOST_DAYS = STORAGE_BOUNDS.usageDays.limit;

@ApiTags('usage')
@RequiresScope('usage:read')
@Controller('usage')
export class UsageController {
  constructor(private readonly usage: UsageReportService) {}

  @Expensive()
  @ReadRoute('', {
    summary: "Read one's usage",
    description: `Tokens and, where prices are known, cost, of at most ${MOST_DAYS} days. It is the sum of the usage of the messages and of titles.`,
    returns: { type: UsageResponse, description: 'The usage.' },
  })
  async getUsage(@CurrentUser() userId: string, @Query() query: UsageQuery): Promise<UsageResponse> {
    const period = periodOf(query);
    const asked = { ...period, kind: query.kind };
    return { ...period, ...(await this.usage.of(userId, asked, query.group_by ?? 'day')) };
  }
}

function periodOf(query: UsageQuery): { from: string; to: string } {
  const to = query.to ?? dayOf(Date.now());
  const from = query.from ?? dayOf(Date.parse(to) - USUAL_DAYS * DAY_MS);
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS;
  if (days < 0) throw validationFailed([{ path: 'from', message: 'must not be after the last day' }]);
  if (days > MOST_DAYS)
    throw validationFailed([
      { path: 'from', message: `must be at most ${MOST_DAYS} days before the last one` },
    ]);
  return { from, to };
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
