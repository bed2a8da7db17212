import { Injectable } from '@nestjs/common';
import type { ModelConfig } from '../config/models-config';
import { type CatalogueEntry, ModelCatalogue } from '../llm/model-catalogue';
import { OwnModels } from './own-models';

/** The models that a user may ask for: the operator's, and those of the user's own providers. */
@Injectable()
export class ModelDirectory {
  constructor(
    private readonly catalogue: ModelCatalogue,
    private readonly own: OwnModels,
  ) {}

  get defaultId(): string {
    return this.catalogue.default.model.id;
  }

  /** The operator's model of this id, whatever the user has under the same. */
  shared(id: string): CatalogueEntry | undefined {
    return this.catalogue.resolve(id);
  }

  /** The operator's first, but for those that the user has brought under the same id. */
  async list(userId: string): Promise<ModelConfig[]> {
    const own = await this.own.list(userId);
    const ids = new Set(own.map(({ id }) => id));
    const shared = this.catalogue.list().map(({ model }) => model);
    return [...shared.filter(({ id }) => !ids.has(id)), ...own];
  }

  /**
   * The user's own first: who has brought a key wants it to be used. The default model for no id; undefined for an id that this
   * user does not have.
   * @throws {AppError} `key_unreadable`
   */
  async resolve(userId: string, id?: string | null): Promise<CatalogueEntry | undefined> {
    const own = id ? await this.own.resolve(userId, id) : undefined;
    return own ?? this.catalogue.resolve(id);
  }
}
