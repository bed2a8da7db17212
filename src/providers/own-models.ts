import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { modelFrom } from '../config/models-file';
import { modelOptions } from '../config/models-schema';
import type { ModelConfig, ProviderConfig } from '../config/models-config';
import type { CatalogueEntry } from '../llm/model-catalogue';
import { BoundedMap } from '../http/bounded-map';
import { KeyCipher } from './key-cipher';
import type { ProviderEntity } from './provider.entity';
import { ProvidersRepository } from './providers.repository';
import { sealContextOf } from './providers.service';

/** Time after its last use for which the opened key of a provider is kept, in ms. */
const KEPT_MS = 10 * 60_000;
const ALL = 100;

/** A provider with its opened key, which is forgotten some time after its last use: the provider may be deleted, and its user erased. */
interface OpenedProvider {
  version: string;
  config: ProviderConfig;
  /** By name: those that were asked for, so that their options are not parsed for every turn. */
  models: Map<string, ModelConfig>;
  forget: NodeJS.Timeout;
}

/** The models of a user's own providers, `<provider name>/<model>`. What is asked for by one user is never looked for at another. */
@Injectable()
export class OwnModels {
  private readonly configs = new BoundedMap<string, OpenedProvider>(STORAGE_BOUNDS.openedKeys.limit);

  constructor(
    private readonly providers: ProvidersRepository,
    private readonly cipher: KeyCipher,
  ) {}

  /** Without anything secret. */
  async list(userId: string): Promise<ModelConfig[]> {
    const rows = await this.providers.list(userId, undefined, ALL);
    return rows.flatMap((row) => row.models.map((model) => modelOf(row, model)));
  }

  /**
   * Undefined for what is not a model of this user.
   * @throws {AppError} `key_unreadable`
   */
  async resolve(userId: string, id: string): Promise<CatalogueEntry | undefined> {
    const slash = id.indexOf('/');
    if (slash < 1) return undefined;
    const row = await this.providers.findByName(userId, id.slice(0, slash));
    const model = row?.models.find((name) => name === id.slice(slash + 1));
    if (!row || model === undefined) return undefined;
    const { config, models } = this.opened(row);
    const known = models.get(model) ?? modelOf(row, model);
    models.set(model, known);
    return { model: known, provider: config };
  }

  /** All models of one provider. */
  targetsOf(row: Omit<ProviderEntity, 'user'>): CatalogueEntry[] {
    const provider = this.configOf(row);
    return row.models.map((name) => ({ model: modelOf(row, name), provider }));
  }

  /** The same object as long as nothing has changed: connections and what is known of failures belong to it. */
  configOf(row: Omit<ProviderEntity, 'user'>): ProviderConfig {
    return this.opened(row).config;
  }

  private opened(row: Omit<ProviderEntity, 'user'>): OpenedProvider {
    const version = `${row.version} ${row.key_id}`;
    const known = this.configs.get(row.id);
    known?.forget.refresh();
    if (known?.version === version) return known;
    const config: ProviderConfig = {
      name: row.name,
      kind: 'openai',
      baseUrl: row.base_url,
      apiKey: this.cipher.open(row, sealContextOf(row)),
      headers: {},
      query: {},
      streamUsage: row.stream_usage,
      guarded: { userId: row.user_id },
    };
    const forget = known?.forget ?? setTimeout(() => this.configs.delete(row.id), KEPT_MS).unref();
    const opened = { version, config, models: new Map<string, ModelConfig>(), forget };
    this.configs.set(row.id, opened);
    return opened;
  }
}

function modelOf(
  { name: provider, base_url, model_options }: Omit<ProviderEntity, 'user'>,
  name: string,
): ModelConfig {
  // Names are the user's: `constructor` is what every object has.
  const options = modelOptions.parse(Object.hasOwn(model_options, name) ? model_options[name] : {});
  return modelFrom({ ...options, id: `${provider}/${name}`, provider, name }, base_url);
}
