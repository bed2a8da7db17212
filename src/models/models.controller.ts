import { Controller, Get } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { RequiresScope } from '../auth/route-rules.decorator';
import { pageSchema, type Page } from '../http/page';
import { ModelCatalogue } from '../llm/model-catalogue';
import { ModelResponse, toModelResponse } from './model.response';

@RequiresScope('models:read')
@ApiTags('models')
@Controller('models')
export class ModelsController {
  constructor(private readonly catalogue: ModelCatalogue) {}

  @Get()
  @ApiOperation({
    summary: 'List the models',
    description: 'All of them, on one page; the default answers where none is asked for.',
  })
  @ApiExtraModels(ModelResponse)
  @ApiOkResponse({ description: 'The catalogue.', schema: pageSchema(ModelResponse) })
  listModels(): Page<ModelResponse> {
    const { id } = this.catalogue.default.model;
    const data = this.catalogue.list().map(({ model }) => toModelResponse(model, id));
    return { data, has_more: false, next_cursor: null };
  }
}
