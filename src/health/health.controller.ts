import { Controller } from '@nestjs/common';
import { ApiExcludeController, ApiProperty, ApiSchema, ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/public.decorator';
import { storageFull } from '../database/database-error';
import { API_PREFIX } from '../http/api-prefix';
import { ReadRoute } from '../http/routes';
import { notReady, ReadinessService } from './readiness.service';

const PREFIXED = `${API_PREFIX}/health`;

/** Paths that are complete as they are: `configureApp` puts no prefix before them. */
export const UNPREFIXED_ROUTES = ['health', PREFIXED].flatMap((path) => [
  path,
  `${path}/live`,
  `${path}/ready`,
]);

@ApiSchema({ name: 'Health' })
class HealthResponse {
  @ApiProperty({
    type: 'string',
    enum: ['ok'],
    example: 'ok',
    description: 'Always `ok`: otherwise it is a problem.',
  })
  status!: 'ok';
}

@ApiSchema({ name: 'ProcessHealth' })
class ProcessHealthResponse {
  @ApiProperty({
    type: 'string',
    enum: ['healthy'],
    example: 'healthy',
    description: 'Always `healthy`: otherwise nobody answers.',
  })
  status!: 'healthy';
}

/** Where orchestrators look for them: at the root. */
@Public()
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly readiness: ReadinessService) {}

  @ReadRoute('', {
    operationId: 'getHealth',
    summary: 'Is the process alive',
    description: 'The same as `/health/live`, for tools that know this path alone.',
    returns: { type: ProcessHealthResponse, description: 'It is.' },
  })
  health(): ProcessHealthResponse {
    return { status: 'healthy' };
  }

  @ReadRoute('live', {
    operationId: 'getLiveness',
    summary: 'Is the process alive',
    returns: { type: HealthResponse, description: 'It is.' },
  })
  live(): HealthResponse {
    return { status: 'ok' };
  }

  @ReadRoute('ready', {
    operationId: 'getReadiness',
    summary: 'Can the service take requests',
    description: 'No, while it starts, shuts down, cannot reach its database or cannot store anything.',
    returns: { type: HealthResponse, description: 'It can.' },
    problems: [notReady, storageFull],
  })
  async ready(): Promise<HealthResponse> {
    await this.readiness.assertReady();
    return { status: 'ok' };
  }
}

/** The same below the prefix, for clients that only know the API's address. */
@ApiExcludeController()
@Controller(PREFIXED)
export class PrefixedHealthController extends HealthController {}
