import { isOpenAi, modelDefaults } from './model-defaults';

describe('what is assumed of a model', () => {
  it.each([
    // [name, window, most of an answer, whether that is a guess]
    ['gpt-5-mini', 400_000, 128_000, false],
    ['openai/gpt-5-mini', 400_000, 128_000, false],
    ['gpt-5-mini-2031-01-01', 400_000, 128_000, false],
    ['GPT-4o', 128_000, 16_384, false],
    ['gpt-oss:20b', 128_000, 4096, true],
    ['gpt-oss-20b', 131_072, 65_536, false],
    ['anthropic/claude-sonnet-4-5', 200_000, 4096, true],
    ['google/gemini-2.5-flash', 1_048_576, 4096, true],
    ['llama3:8b', 8192, 4096, true],
    ['meta-llama/Llama-3-8b-chat-hf', 8192, 4096, true],
    ['meta-llama/Llama-3.1-8B-Instruct', 128_000, 4096, true],
    ['llama-2-7b', 4096, 2048, true],
    ['gemma2:9b', 8192, 4096, true],
    ['gemma-3-27b-it', 128_000, 4096, true],
    ['mistral-7b-instruct', 32_768, 4096, true],
    ['something-new', 128_000, 4096, true],
  ])('%s', (name, contextWindow, maxOutputTokens, outputIsGuessed) => {
    expect(modelDefaults(name, undefined)).toMatchObject({ contextWindow, maxOutputTokens, outputIsGuessed });
  });

  it.each([
    ['gpt-4o', undefined, 'o200k'],
    ['openai/gpt-4.1', undefined, 'o200k'],
    ['o3', undefined, 'o200k'],
    ['gpt-4', undefined, 'other'],
    ['gpt-3.5-turbo', 'https://api.openai.com/v1', 'other'],
    ['our-chat', 'https://x.openai.azure.com/openai/v1', 'o200k'],
    ['llama3', undefined, 'other'],
    ['DeepSeek-V3', 'https://x.services.ai.azure.com/openai/v1', 'other'],
  ])('%s at %s counts as %s', (name, url, vocabulary) => {
    expect(modelDefaults(name, url).vocabulary).toBe(vocabulary);
  });

  it.each([
    ['https://api.openai.com/v1', true],
    ['https://eu.api.openai.com/v1', true],
    ['https://x.openai.azure.com/openai/v1', true],
    ['https://x.openai.azure.us/openai/v1', true],
    ['https://x.openai.azure.cn/openai/v1', true],
    ['https://x.cognitiveservices.azure.com/openai/v1', true],
    ['https://x.services.ai.azure.com/openai/v1', true],
    ['https://westeurope.api.cognitive.microsoft.com/openai/v1', true],
    ['https://api.openai.com.evil.example/v1', false],
    ['https://openai.azure.com.example/v1', false],
    ['https://notapi.openai.com/v1', false],
    ['http://127.0.0.1:11434/v1', false],
    [undefined, false],
  ])('%s is OpenAI’s or Azure’s: %s', (url, expected) => {
    expect(isOpenAi(url)).toBe(expected);
  });

  it.each([
    ['gpt-5.1', 'max_completion_tokens'],
    ['our-deployment', 'max_completion_tokens'],
    ['DeepSeek-R1', 'max_tokens'],
    ['Mistral-large', 'max_tokens'],
  ])('%s on Azure takes its limit as %s', (name, maxTokensField) => {
    expect(modelDefaults(name, 'https://x.services.ai.azure.com/openai/v1').maxTokensField).toBe(
      maxTokensField,
    );
  });
});
