import { PROVIDER_BOUNDS } from '../../config/bounds';
import type { ProviderConfig } from '../../config/models-config';
import type { LlmClients } from '../llm-clients';
import { LlmError, type LlmErrorCode } from '../llm-error';
import type { CatalogueEntry, ModelCatalogue } from '../model-catalogue';
import { ModelRunner, type RunLimits } from '../model-runner';
import type { OpenAiClient } from '../openai/openai-client';
import { CircuitBreakers } from '../run/circuit-breakers';
import { adviceFor } from './advice';
import { likelyBaseUrls } from './base-urls';

export type VerdictCode = 'ok' | 'not_checked' | LlmErrorCode;

/** How a model answered. What is not known is null. */
export interface ModelVerdict {
  target: CatalogueEntry;
  /** `not_checked`: the time for all of them was over before. */
  code: VerdictCode;
  /** What is wrong and how to mend it. */
  message: string;
  url: string | null;
  status: number | null;
  provider_code: string | null;
  provider_words: string | null;
  request_id: string | null;
  first_event_ms: number | null;
}

export interface CheckOptions {
  signal: AbortSignal;
  /** For the first word of each model; otherwise what replies have. */
  modelMs?: number;
}

/** One token; some models refuse to be limited to so little. */
const QUESTION = {
  messages: [{ role: 'user' as const, content: 'Hi' }],
  settings: { max_output_tokens: 16 },
};

/** Why the provider may refuse what another base URL or name would be right for. */
const LOOKED_INTO: ReadonlySet<LlmErrorCode> = new Set([
  'provider_model_not_found',
  'provider_bad_request',
  'provider_invalid_response',
  'provider_unavailable',
  'upstream_empty',
]);

const UNKNOWN = {
  url: null,
  status: null,
  provider_code: null,
  provider_words: null,
  request_id: null,
  first_event_ms: null,
};

interface Surroundings {
  listed?: string[];
  answersAt?: string;
}

/** Finds out which models answer, and what is wrong with the others. They are asked exactly as for a reply, but once. */
export class ModelCheck {
  constructor(
    private readonly catalogue: ModelCatalogue,
    private readonly clients: LlmClients,
    private readonly openai: OpenAiClient,
    private readonly limits: RunLimits,
  ) {}

  /** Asks each for a token, a few at once; the verdicts are in their order. */
  async run(targets: readonly CatalogueEntry[], options: CheckOptions): Promise<ModelVerdict[]> {
    // Failures of before keep no model from being asked, and those of a check keep no reply from it.
    const limits = { ...this.limits, maxRetries: 0 };
    const runner = new ModelRunner(this.catalogue, this.clients, new CircuitBreakers(), limits);
    const around = new Map<ProviderConfig, Promise<Surroundings>>();
    const verdicts: ModelVerdict[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      for (let index = next++; index < targets.length; index = next++) {
        const target = targets[index];
        if (options.signal.aborted) verdicts[index] = notChecked(target);
        else verdicts[index] = await this.checkOne(target, runner, around, options);
      }
    };
    await Promise.all(Array.from({ length: PROVIDER_BOUNDS.checkedAtOnce.limit }, work));
    return verdicts;
  }

  private async checkOne(
    target: CatalogueEntry,
    runner: ModelRunner,
    around: Map<ProviderConfig, Promise<Surroundings>>,
    options: CheckOptions,
  ): Promise<ModelVerdict> {
    const { provider, model } = target;
    const { failure, firstEventMs } = await ask(target, runner, options);
    if (!failure)
      return { target, code: 'ok', message: 'It answers.', ...UNKNOWN, first_event_ms: firstEventMs };
    const { detail, code, providerText } = failure;
    let known: Surroundings = {};
    if (isLookedInto(failure) && provider.kind === 'openai') {
      const looking = around.get(provider) ?? this.lookAround(provider, options.signal);
      around.set(provider, looking);
      known = await looking;
    }
    return {
      target,
      code,
      message: adviceFor({ provider, model: model.name, error: failure, ...known }),
      url: detail?.url ?? null,
      status: detail?.status ?? null,
      provider_code: detail?.reason ?? null,
      provider_words: providerText ?? null,
      request_id: detail?.request_id ?? null,
      first_event_ms: firstEventMs,
    };
  }

  /** What the provider lists, or where it does. */
  private async lookAround(provider: ProviderConfig, signal: AbortSignal): Promise<Surroundings> {
    const names = (baseUrl?: string) =>
      this.openai.models({ ...provider, baseUrl }, withTimeout(signal, PROVIDER_BOUNDS.checkMs.limit));
    const listed = await names(provider.baseUrl).catch(() => undefined);
    if (listed) return { listed };
    for (const answersAt of likelyBaseUrls(provider.baseUrl ?? '')) {
      const found = await names(answersAt).catch(isKeyRefusal);
      if (found) return found === true ? { answersAt } : { listed: found, answersAt };
    }
    return {};
  }
}

/** Asks one model, and leaves as soon as it has said anything. */
async function ask(
  target: CatalogueEntry,
  runner: ModelRunner,
  { signal, modelMs }: CheckOptions,
): Promise<{ firstEventMs: number | null; failure?: LlmError }> {
  const heard = new AbortController();
  const timeout = modelMs === undefined ? signal : withTimeout(signal, modelMs);
  let firstEventMs: number | null = null;
  let lastFailure: LlmError | undefined;
  try {
    const userId = target.provider.guarded?.userId ?? '';
    const request = { userId, modelId: target.model.id, targets: [target], ...QUESTION };
    await runner.runStep(request, AbortSignal.any([timeout, heard.signal]), {
      onParts: () => {
        heard.abort();
        return undefined;
      },
      onAttempt: (attempt, failure) => {
        firstEventMs = attempt.first_event_ms;
        lastFailure = failure;
      },
    });
  } catch (error) {
    if (heard.signal.aborted) return { firstEventMs };
    // It was asked more than once only if it was loading, and then that is why the time was over.
    if (timeout.aborted) return { firstEventMs, failure: lastFailure ?? new LlmError('provider_timeout') };
    if (!(error instanceof LlmError)) throw error;
    return { firstEventMs, failure: error };
  }
  return { firstEventMs };
}

/** Who refuses the key is there. */
function isKeyRefusal(error: unknown): true | undefined {
  return error instanceof LlmError && error.code === 'provider_auth_failed' ? true : undefined;
}

/** Some answer what they do not know as a failure of theirs, under 200. */
function isLookedInto({ code, detail }: LlmError): boolean {
  return LOOKED_INTO.has(code) && (detail?.status ?? 0) < 500;
}

function withTimeout(signal: AbortSignal, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(ms)]);
}

function notChecked(target: CatalogueEntry): ModelVerdict {
  return {
    target,
    code: 'not_checked',
    message: 'There was no time left to ask it: check again.',
    ...UNKNOWN,
  };
}
