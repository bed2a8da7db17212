import type { ProviderConfig } from '../../config/models-config';
import type { LlmError } from '../llm-error';
import { documentedUrl, pastedEndpoint } from './base-urls';
import type { FailedCheck } from './failed-check';
import { keyAdvice } from './key-advice';
import { nearestNames } from './near-names';
import { networkAdvice } from './network-advice';

type Rule = (check: FailedCheck) => string | undefined;

/** From the causes that explain all that follows from them to what is left. */
const RULES: readonly Rule[] = [
  networkAdvice,
  endpoint,
  keyAdvice,
  otherUrl,
  refusedWords,
  modelName,
  account,
  load,
  address,
];

/** What is wrong with a model that did not answer, and how to mend it, in words for whoever has configured it. */
export function adviceFor(check: FailedCheck): string {
  for (const rule of RULES) {
    const advice = rule(check);
    if (advice !== undefined) return advice;
  }
  return check.error.message;
}

function endpoint({ provider: { baseUrl = '' } }: FailedCheck): string | undefined {
  const pasted = pastedEndpoint(baseUrl);
  return pasted && `The base URL ends with ${pasted.endpoint}, which is added to it: use ${pasted.without}`;
}

function otherUrl({ provider: { baseUrl = '' }, answersAt }: FailedCheck): string | undefined {
  if (answersAt === undefined) return undefined;
  return answersAt === `${baseUrl}/v1`
    ? `The base URL lacks /v1: use ${answersAt}`
    : `The base URL is not the one of this provider: use ${answersAt}`;
}

/** Words by which a request is refused as it is made, and the setting of MODELS_FILE that makes it otherwise. */
const WORDS: readonly [RegExp, own: string, setting: string][] = [
  [
    /not a chat model|(only|not) (be )?(supported|used|available)[^.]{0,40}\/?v1\/(responses|completions|chat)|does not support (chat|text generation)|is not a (text|chat) /i,
    'The model is not made for chat completions: take another one',
    '',
  ],
  [
    /max_completion_tokens/i,
    'The model takes max_completion_tokens in place of max_tokens',
    ': set max_tokens_field: max_completion_tokens',
  ],
  [/stream_options|include_usage/i, 'The provider refuses stream_options', ': set stream_usage: false'],
  [
    /\b(temperature|top_p|seed|stop|reasoning_effort)\b[^.]{0,80}(unsupported|not support|unrecogni[sz]ed|unknown|not permitted|does not)|(unsupported|not supported?|unrecogni[sz]ed|unknown|unexpected)[^.]{0,80}\b(temperature|top_p|seed|stop|reasoning_effort)\b/i,
    'The model refuses a setting',
    ': name it in unsupported_settings',
  ],
];

function refusedWords({ error: { code, providerText = '' }, provider }: FailedCheck): string | undefined {
  if (!['provider_bad_request', 'provider_model_not_found'].includes(code)) return undefined;
  const known = WORDS.find(([pattern]) => pattern.test(providerText));
  return known && `${known[1]}${provider.guarded ? '' : known[2]}.`;
}

function modelName({ error: { code, detail }, model, listed, provider }: FailedCheck): string | undefined {
  const isUnlisted = listed !== undefined && !listed.includes(model);
  const isBadRequest = code === 'provider_bad_request' && [400, 404, 422].includes(detail?.status ?? 0);
  if (code !== 'provider_model_not_found' && !(isBadRequest && isUnlisted)) return undefined;
  if (listed?.includes(model))
    return `The provider lists the model ${model}, but does not let this key use it for chat completions: ask for access to it, or take another one.`;
  return `The provider has no model ${model}. ${nameAdvice(model, listed ?? [], provider)}`;
}

function nameAdvice(model: string, listed: string[], { baseUrl = '' }: ProviderConfig): string {
  const near = nearestNames(model, listed);
  if (near.length) return `Its names are like this: ${near.join(', ')}`;
  if (baseUrl.includes('.openai.azure.com')) return 'On Azure the name is that of a deployment.';
  if (/:11434\b/.test(baseUrl)) return `Ollama gets it with: ollama pull ${model}`;
  return listed.length
    ? `It has: ${listed.slice(0, 5).join(', ')}${listed.length > 5 ? ', …' : ''}`
    : 'Look its name up.';
}

const OUT_OF_CREDIT = /quota|balance|billing|credit|arrear|payment|insufficient|top.?up|recharge/i;

function account({ error: { code, detail, providerText = '' } }: FailedCheck): string | undefined {
  if (code !== 'provider_rate_limited') return undefined;
  return detail?.status === 402 || OUT_OF_CREDIT.test(`${detail?.reason} ${providerText}`)
    ? 'The account has no credit or quota left: see to its billing and limits at the provider.'
    : 'The provider limits requests at the moment, so address and key are right. Wait, or ask it for a higher limit.';
}

function load({ error: { code, detail } }: FailedCheck): string | undefined {
  if (detail?.reason === 'loading') return 'The provider is loading the model: ask again in a minute.';
  if (code === 'provider_timeout')
    return 'The provider said nothing in time. It may be loading the model: ask again in a minute.';
  if (code === 'provider_overloaded')
    return 'The provider is overloaded: try again later, or take another model.';
  if (code === 'upstream_empty' || code === 'upstream_incomplete')
    return 'The provider accepted the request and ended its answer without a word: look into its log, or take another model.';
  if (code === 'content_filter')
    return 'A filter of the provider refused even "Hi": look into the filters of the account or the deployment.';
  return undefined;
}

/** What answers, but not as chat completions do. */
function address({ error, provider: { baseUrl = '' } }: FailedCheck): string | undefined {
  const { code, detail } = error;
  const { status = 0 } = detail ?? {};
  if (status >= 300 && status < 400)
    return `${baseUrl} sends us to another address, which is not followed: use that one (https:// in place of http://, perhaps).`;
  if ([404, 405].includes(status) || isOtherAnswer(error))
    return `There are no chat completions at ${baseUrl}: ${rightUrl(baseUrl)}`;
  if (status >= 500)
    return `The provider failed (${status}): nothing is known to be wrong here. Try again later, or look into its log if it is your own.`;
  return code === 'provider_bad_request'
    ? 'The provider refuses the request as it is made; its words say why.'
    : undefined;
}

/** A success that is no reply and reports no failure, but that there is nothing at this place (LM Studio). */
function isOtherAnswer({ code, detail, providerText }: LlmError): boolean {
  if (!['provider_unavailable', 'provider_invalid_response'].includes(code) || detail?.status !== 200)
    return false;
  return (
    providerText === undefined || /unexpected endpoint|unknown (url|path|route|endpoint)/i.test(providerText)
  );
}

function rightUrl(baseUrl: string): string {
  const documented = documentedUrl(baseUrl);
  return documented
    ? `use ${documented}`
    : 'look the base URL up. It is what comes before /chat/completions, and mostly ends with /v1.';
}
