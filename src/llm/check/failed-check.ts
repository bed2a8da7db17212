import type { ProviderConfig } from '../../config/models-config';
import type { LlmError } from '../llm-error';

/** All that is known of a model that did not answer. */
export interface FailedCheck {
  provider: ProviderConfig;
  /** The provider's own name of the model. */
  model: string;
  error: LlmError;
  /** The names that the provider gives its models; undefined if it would not tell. */
  listed?: string[];
  /** Where the provider does answer, which is not its base URL. */
  answersAt?: string;
}
