import { Controller, Get } from '@nestjs/common';
import { ApiExcludeController, ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/public.decorator';
import { API_PREFIX } from '../http/api-prefix';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ReadinessService } from './readiness.service';

const PREFIXED = `${API_PREFIX}/health`;

/** Paths that are complete as they are: `configureApp` puts no prefix before them. */
export const UNPREFIXED_ROUTES = ['health', PREFIXED].flatMap((path) => [`${path}/live`, `${path}/ready`]);

class HealthResponse {
  @ApiProperty({ enum: ['ok'], example: 'ok' })
  status!: 'ok';
}

/** Where orchestrators look for them: at the root. */
@Public()
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly readiness: ReadinessService) {}

  @Get('live')
  @ApiOperation({ summary: 'Is the process alive' })
  @ApiOkResponse({ type: HealthResponse, description: 'It is.' })
  live(): HealthResponse {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({
    summary: 'Can the service take requests',
    description: 'No, while it starts, shuts down or cannot reach its database.',
  })
  @ApiOkResponse({ type: HealthResponse, description: 'It can.' })
  @ProblemResponses('unavailable')
  async ready(): Promise<HealthResponse> {
    await this.readiness.assertReady();
    return { status: 'ok' };
  }
}

/** The same below the prefix, for clients that only know the API's address. */
@ApiExcludeController()
@Controller(PREFIXED)
export class PrefixedHealthController extends HealthController {}
