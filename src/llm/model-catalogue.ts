import type { ModelConfig, ModelsConfig, ProviderConfig } from '../config/models-config';

export interface CatalogueEntry {
  model: ModelConfig;
  provider: ProviderConfig;
}

/** Models of the configuration, which clients may ask for. */
export class ModelCatalogue {
  private readonly entries: ReadonlyMap<string, CatalogueEntry>;

  constructor(private readonly config: ModelsConfig) {
    const providers = new Map(config.providers.map((provider) => [provider.name, provider]));
    this.entries = new Map(config.models.map((model) => [model.id, entryOf(model, providers)]));
  }

  /** All models in the order of the configuration. */
  list(): CatalogueEntry[] {
    return [...this.entries.values()];
  }

  get default(): CatalogueEntry {
    return this.require(this.config.defaultModel);
  }

  /** The model with this id, or the default one without an id; undefined for an id that does not exist. */
  resolve(id?: string | null): CatalogueEntry | undefined {
    return this.entries.get(id ?? this.config.defaultModel);
  }

  /** The model, then its fallbacks, to try when it fails before its first word. Empty for an id that does not exist. */
  candidates(id: string): CatalogueEntry[] {
    const first = this.entries.get(id);
    const others = (first?.model.fallbacks ?? []).filter((fallback) => fallback !== id);
    return first ? [first, ...others.map((fallback) => this.require(fallback))] : [];
  }

  private require(id: string): CatalogueEntry {
    const entry = this.entries.get(id);
    if (!entry) throw new Error(`The configuration has no model ${JSON.stringify(id)}`);
    return entry;
  }
}

function entryOf(model: ModelConfig, providers: ReadonlyMap<string, ProviderConfig>): CatalogueEntry {
  const provider = providers.get(model.provider);
  if (!provider) throw new Error(`The configuration has no provider ${JSON.stringify(model.provider)}`);
  return { model, provider };
}
