import { ProviderRefusal } from './provider-refusal';

/** A body that asks for a completion, by its fields. */
export type RequestFields = Readonly<Record<string, unknown>>;

/** What no request can do without. */
const NEEDED = new Set(['model', 'messages', 'stream']);
/** OpenAI streams some models only to organisations that it has verified; gateways may hand on no more than the words. */
const NO_STREAM = /verified to stream/i;
/** The two names of one field: who refuses one usually wants the other. */
const OTHER_NAME: Readonly<Record<string, string>> = {
  max_tokens: 'max_completion_tokens',
  max_completion_tokens: 'max_tokens',
};
/**
 * What providers behind a gateway call our fields, besides camel case (`reasoningEffort`: xAI): Vertex, Ollama, OpenAI's newer API. What is also an
 * everyday word has another one with it.
 */
const ALSO_CALLED: Readonly<Record<string, readonly string[]>> = {
  max_tokens: ['maxOutputTokens', 'max_output_tokens', 'max_new_tokens'],
  max_completion_tokens: ['maxOutputTokens', 'max_output_tokens', 'max_new_tokens'],
  reasoning_effort: ['reasoning.effort', 'think value', 'support thinking'],
  stop: ['stop_sequences', 'stopSequences'],
};
/** Of two that exclude each other the first is kept (Claude: "`temperature` and `top_p` cannot both be specified"). */
const EXCLUSIVE = ['temperature', 'top_p'];

/** The model minds this value, not the parameter: OpenAI, vLLM (pydantic), Mistral, Gemini, DashScope. */
const ABOUT_VALUE =
  /\bvalues?\b|must be|should be|between|(less|greater|more|larger|smaller) than|at (most|least)|out of range|\brange\b|too (large|small|high|low|many)|maximum|minimum|one of|expected|not in|valid options/i;
/** It takes no other value than its own default, or does not know the parameter at all, whatever else is said of values. */
const ABOUT_NAME =
  /only the default|unsupported (parameter|argument|field)|(un(known|recogni[sz]ed|expected)|extra|additional) (\w+ )?(parameter|argument|field|input|propert)|(parameter|argument|field)s? [^.]{0,60}(not supported|not allowed|not permitted|unsupported)|not permitted|deprecated|is not supported with this model|cannot both/i;

const LONGEST_MESSAGE = 2_000;
const MOST_REMEMBERED = 200;
const DEEPEST = 6;

/**
 * Parameters that one model has refused, and which it is not sent any more. Where it minds a value, only that value is left out: what one user asks
 * for takes nothing away from others.
 */
export class RefusedParameters {
  private readonly names = new Set<string>();

  /** The fields that are sent, the limit of the answer under the name that the model takes. */
  without(fields: RequestFields): RequestFields {
    if (this.names.size === 0) return fields;
    const sent: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(fields)) {
      if (name === 'stream_options' && this.names.has('stream')) continue;
      if (!this.has(name, value)) sent[name] = value;
      else if (this.names.has(name) && OTHER_NAME[name] && !this.has(OTHER_NAME[name], value))
        sent[OTHER_NAME[name]] = value;
    }
    return sent;
  }

  /** Learns from a refusal which of the fields that were sent the model does not take; undefined if it names none. */
  learn(error: unknown, sent: RequestFields): string | undefined {
    if (!(error instanceof ProviderRefusal)) return undefined;
    const name = refusedName(error, sent);
    if (!name) return undefined;
    if (this.names.size >= MOST_REMEMBERED) this.names.clear();
    const { message } = wordsOf(error.said);
    this.names.add(name === 'stream' || isAboutName(message) ? name : keyOf(name, sent[name]));
    return name;
  }

  private has(name: string, value: unknown): boolean {
    return this.names.has(name) || this.names.has(keyOf(name, value));
  }
}

function isAboutName(message: string): boolean {
  return ABOUT_NAME.test(message) || !ABOUT_VALUE.test(message);
}

/** A request has a few short values besides its messages. */
function keyOf(name: string, value: unknown): string {
  return `${name}=${JSON.stringify(value).slice(0, 200)}`;
}

/** The field that a refusal names: as its `param` (OpenAI), its `loc` (pydantic) or in its words. */
function refusedName(refusal: ProviderRefusal, sent: RequestFields): string | undefined {
  if (refusal.status !== 400 && refusal.status !== 422) return undefined;
  const words = wordsOf(refusal.said);
  if (sent.stream && (words.params.has('stream') || NO_STREAM.test(words.message))) return 'stream';
  const optional = Object.keys(sent).filter((name) => !NEEDED.has(name));
  const named = optional.filter((name) => words.params.has(name));
  // It is about something else that was sent.
  if (named.length === 0 && words.params.size > 0 && [...words.params].every((name) => NEEDED.has(name)))
    return undefined;
  const said = named.length > 0 ? named : optional.filter((name) => placeOf(name, words.message) >= 0);
  const excluded = EXCLUSIVE.every((name) => said.includes(name)) ? EXCLUSIVE[1] : undefined;
  return excluded ?? said.toSorted((a, b) => placeOf(a, words.message) - placeOf(b, words.message))[0];
}

/** Where a message first names a field, by any of its names; -1 if it does not. */
function placeOf(field: string, message: string): number {
  const camelCase = field.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const names = [field, camelCase, ...(ALSO_CALLED[field] ?? [])];
  const places = names.map((name) => placeOfWord(name, message)).filter((place) => place >= 0);
  return places.length > 0 ? Math.min(...places) : -1;
}

function placeOfWord(word: string, message: string): number {
  const at = message.indexOf(word);
  const isWhole = !/\w/.test(message[at - 1] ?? '') && !/\w/.test(message[at + word.length] ?? '');
  return isWhole ? at : -1;
}

/** All texts of an error body, and the fields that it names: `param: "stream_options.include_usage"`, `loc: ["body", "top_p"]`. */
function wordsOf(error: unknown): { message: string; params: Set<string> } {
  const texts: string[] = [];
  const params = new Set<string>();
  const visit = (value: unknown, key: string, depth: number): void => {
    if (depth > DEEPEST) return;
    if (typeof value === 'string') {
      if (key === 'param' || key === 'loc') params.add(value.split(/[.[]/)[0]);
      else texts.push(value);
    } else if (Array.isArray(value)) value.slice(0, 10).forEach((one) => visit(one, key, depth + 1));
    else if (typeof value === 'object' && value !== null)
      for (const [name, one] of Object.entries(value).slice(0, 20)) visit(one, name, depth + 1);
  };
  visit(error, '', 0);
  // `param: ""` and `loc: ["body", …]` name nothing by that.
  params.delete('');
  params.delete('body');
  return { message: texts.join(' ').slice(0, LONGEST_MESSAGE), params };
}
