import { Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import type { Page } from '../http/page';
import { ListRoute } from '../http/routes';
import { ModelDirectory } from '../providers/model-directory';
import { ModelResponse, toModelResponse } from './model.response';

@RequiresScope('models:read')
@ApiTags('models')
@Controller('models')
export class ModelsController {
  constructor(private readonly models: ModelDirectory) {}

  @ListRoute('', ModelResponse, {
    summary: 'List the models',
    description:
      "All that you may ask for, your own providers' included, on one page; the default answers where none is asked for.",
    returns: 'The catalogue.',
  })
  async listModels(@CurrentUser() userId: string): Promise<Page<ModelResponse>> {
    const models = await this.models.list(userId);
    const data = models.map((model) => toModelResponse(model, this.models.defaultId));
    return { data, has_more: false, next_cursor: null };
  }
}
