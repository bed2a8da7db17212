import { Injectable } from '@nestjs/common';
import { ModelCatalogue } from '../llm/model-catalogue';
import type { UsageGroup, UsageKind, UsagePeriod, UsageRow } from './usage.types';
import { UsageMeter } from './usage-meter';

const MILLION = 1_000_000;

export interface Totals {
  replies: number;
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  cached_input_tokens: number;
  cost: number | null;
}

const NOTHING: Totals = {
  replies: 0,
  input_tokens: 0,
  output_tokens: 0,
  reasoning_tokens: 0,
  cached_input_tokens: 0,
  cost: null,
};

/** Report of a user's usage, with its cost where prices are known. */
@Injectable()
export class UsageReportService {
  constructor(
    private readonly usage: UsageMeter,
    private readonly models: ModelCatalogue,
  ) {}

  async of(userId: string, period: UsagePeriod, group: UsageGroup) {
    const rows = await this.usage.sum(userId, period, group);
    const groups = new Map<string | null, Totals>();
    const kinds = new Map<string | null, Set<UsageKind>>();
    let total = NOTHING;
    let truncated = false;
    for (const row of rows) {
      const used = { ...row, cost: this.costOf(row) };
      if (row.rest) truncated = true;
      else {
        groups.set(row.key, plus(groups.get(row.key) ?? NOTHING, used));
        kinds.set(row.key, (kinds.get(row.key) ?? new Set()).add(row.kind));
      }
      total = plus(total, used);
    }
    const data = [...groups].map(([key, totals]) => ({ key, kind: onlyOne(kinds.get(key)), ...totals }));
    return { total, data, ...(truncated && { data_truncated: true }) };
  }

  /** Cost of the operator's model with that id, without the usage of a model of the user's own with the same id; null without a price. */
  private costOf(row: UsageRow): number | null {
    const price = this.models.resolve(row.model)?.model.price;
    const input = row.input_tokens - row.own_input_tokens;
    const output = row.output_tokens - row.own_output_tokens;
    const onlyOwn = row.own_input_tokens + row.own_output_tokens > 0 && input + output === 0;
    return price && !onlyOwn ? (input * price.input + output * price.output) / MILLION : null;
  }
}

function onlyOne<T>(set: ReadonlySet<T> | undefined): T | null {
  const [first] = set ?? [];
  return set?.size === 1 ? first : null;
}

function plus(a: Totals, b: Totals): Totals {
  return {
    replies: a.replies + b.replies,
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
    cached_input_tokens: a.cached_input_tokens + b.cached_input_tokens,
    cost: a.cost === null ? b.cost : a.cost + (b.cost ?? 0),
  };
}
