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
  StreamableFile,
} from '@nestjs/common';
import {
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
  ApiProduces,
  ApiTags,
} from '@nestjs/swagger';
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
import { emailTaken, lastAdmin, userNotFound, usernameTaken } from '../users/user.errors';
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
  @ProblemResponses(userNotFound, 'forbidden')
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
  @ProblemResponses(userNotFound, notAnAdmin, reauthenticationRequired, usernameTaken, emailTaken, lastAdmin)
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
      'With everything of theirs, at once and for good. With accounts of the service it takes a session whose password was given lately.',
  })
  @ApiUserId()
  @ApiNoContentResponse({ description: 'Nothing is left.' })
  @ProblemResponses(userNotFound, lastAdmin, reauthenticationRequired, 'forbidden')
  async deleteUser(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.users.delete(identity, id, origin);
  }

  @Get(':id/export')
  @ApiOperation({
    summary: 'Export everything of a user',
    description:
      'One JSON object per line: `{type, data}`. Secrets are left out, since not even the service knows them.',
  })
  @ApiUserId()
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
  @ProblemResponses(userNotFound, 'forbidden')
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
