import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Injectable,
  Param,
  type PipeTransform,
  Put,
  Query,
  Res,
  StreamableFile,
} from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { Readable } from 'node:stream';
import { Origin, type RequestOrigin } from '../audit/request-origin.decorator';
import { toUserResponse, UserResponse } from '../auth/accounts/dto/user.response';
import { notAnAdmin, reauthenticationRequired } from '../auth/auth.errors';
import { CurrentIdentity } from '../auth/current-user.decorator';
import type { Identity } from '../auth/identity';
import { AdminOnly } from '../auth/route-rules.decorator';
import { decodeCursor, encodeCursor } from '../http/cursor';
import { ProblemResponses } from '../http/openapi/problem-responses';
import { ApiPageResponse, type Page, toPage } from '../http/page';
import { PageQuery } from '../http/page-query.dto';
import { StaysOpen } from '../limits/stays-open.decorator';
import { emailTaken, erasureInProgress, lastAdmin, userNotFound, usernameTaken } from '../users/user.errors';
import { ErasureResponse } from './dto/erasure.response';
import { UpdateUserDto } from './dto/update-user.dto';
import { ndjson } from './ndjson';
import { UserAdminService } from './user-admin.service';

const USER_ID = /^[\x21-\x7e]{1,128}$/;

@Injectable()
class ParseUserId implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!USER_ID.test(id)) throw userNotFound();
    return id;
  }
}

const UserId = () => Param('id', ParseUserId);
const ApiUserId = () =>
  ApiParam({
    name: 'id',
    example: '019a5b1c-7f00-7000-8000-000000000010',
    description: 'The user.',
    schema: { type: 'string', minLength: 1, maxLength: 128 },
  });

@ApiTags('users')
@Controller('users')
export class UsersController {
  constructor(private readonly users: UserAdminService) {}

  @Get()
  @AdminOnly()
  @ApiOperation({ summary: 'List all users', description: 'For administrators; newest first.' })
  @ApiPageResponse(UserResponse)
  async listUsers(
    @CurrentIdentity() { userId }: Identity,
    @Query() { limit, cursor }: PageQuery,
  ): Promise<Page<UserResponse>> {
    const scope = { userId, list: 'users' };
    const [created_at, id] = cursor ? decodeCursor(scope, cursor, ['timestamp', 'string']) : [];
    const after = created_at && id ? { created_at, id } : undefined;
    const rows = await this.users.list(after, limit + 1);
    return toPage(rows, limit, toUserResponse, (last) =>
      encodeCursor(scope, [last.created_at.toISOString(), last.id]),
    );
  }

  @Get(':id')
  @ApiOperation({ summary: 'Read a user', description: 'Oneself; administrators, anybody.' })
  @ApiUserId()
  @ApiOkResponse({ type: UserResponse, description: 'The user.' })
  @ProblemResponses(userNotFound, erasureInProgress, 'forbidden')
  async getUser(@CurrentIdentity() identity: Identity, @UserId() id: string): Promise<UserResponse> {
    return toUserResponse(await this.users.get(identity, id));
  }

  @Put(':id')
  @ApiOperation({
    summary: 'Change a user',
    description:
      'Oneself; administrators, anybody, and only they the role and who may use the service. Both take effect within a second. With accounts of the service, another name or address takes a session whose password was given lately.',
  })
  @ApiUserId()
  @ApiOkResponse({ type: UserResponse, description: 'The user as it is now.' })
  @ProblemResponses(
    userNotFound,
    notAnAdmin,
    reauthenticationRequired,
    usernameTaken,
    emailTaken,
    lastAdmin,
    erasureInProgress,
  )
  async updateUser(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Body() body: UpdateUserDto,
    @Origin() origin: RequestOrigin,
  ): Promise<UserResponse> {
    return toUserResponse(await this.users.update(identity, id, body, origin));
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Erase a user',
    description:
      'With everything of theirs, for good. Name, password and access go at once. Where there is very much, the rest of it follows in the ' +
      'background (202), and until it is gone whoever comes under this identity gets 409 `erasure_in_progress`; an administrator may ' +
      'ask again to learn whether it is done (404). With accounts of the service it takes a session whose password was given lately.',
  })
  @ApiUserId()
  @ApiNoContentResponse({ description: 'Nothing is left.' })
  @ApiAcceptedResponse({
    type: ErasureResponse,
    description: 'Nobody is let in under this identity; the rest is being removed.',
  })
  @ProblemResponses(userNotFound, lastAdmin, reauthenticationRequired, 'forbidden')
  async deleteUser(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Origin() origin: RequestOrigin,
    @Res({ passthrough: true }) response: Response,
  ): Promise<ErasureResponse | undefined> {
    if (await this.users.delete(identity, id, origin)) return undefined;
    response.status(202);
    return { status: 'erasing' };
  }

  @Get(':id/export')
  @ApiOperation({
    summary: 'Export everything of a user',
    description:
      'One JSON object per line: `{type, data}`. Secrets are left out, since not even the service knows them.',
  })
  @ApiUserId()
  @StaysOpen()
  @ApiProduces('application/x-ndjson')
  @ApiOkResponse({
    description: 'Everything, line by line.',
    content: {
      'application/x-ndjson': {
        schema: { type: 'string' },
        example: '{"type":"user","data":{"id":"alice"}}\n{"type":"conversation","data":{"title":"Norway"}}\n',
      },
    },
  })
  @ProblemResponses(userNotFound, erasureInProgress, 'forbidden')
  async exportUser(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<StreamableFile> {
    const pieces = await this.users.export(identity, id, origin);
    const file = new StreamableFile(Readable.from(ndjson(pieces)), {
      type: 'application/x-ndjson',
      disposition: 'attachment; filename="export.ndjson"',
    });
    // Half of an export must not look like a whole one.
    return file.setErrorHandler((_error, response) => response.destroy?.()).setErrorLogger(() => undefined);
  }
}
