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

  /** The operator's first. */
  async list(userId: string): Promise<ModelConfig[]> {
    return [...this.catalogue.list().map(({ model }) => model), ...(await this.own.list(userId))];
  }

  /**
   * The default model for no id; undefined for an id that this user does not have.
   * @throws {AppError} `key_unreadable`
   */
  async resolve(userId: string, id?: string | null): Promise<CatalogueEntry | undefined> {
    return this.catalogue.resolve(id) ?? (id ? this.own.resolve(userId, id) : undefined);
  }
}
