import {
  Body,
  Controller,
  Injectable,
  Param,
  type PipeTransform,
  Query,
  Req,
  Res,
  type StreamableFile,
} from '@nestjs/common';
import { ApiAcceptedResponse, ApiParam, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Origin, originOf, type RequestOrigin } from '../../audit/request-origin.decorator';
import { toUserResponse, UserResponse } from '../dto/user.response';
import { notAnAdmin, reauthenticationRequired } from '../../auth/auth.errors';
import { CurrentIdentity } from '../../auth/current-user.decorator';
import type { Identity } from '../../auth/identity';
import { AccountRecovery } from '../../auth/resets/account-recovery';
import { AccountsOnly, AdminOnly } from '../../auth/route-rules.decorator';
import { listPage } from '../../http/list-page';
import { NDJSON, ndjsonFile } from '../../http/ndjson';
import { documentedParam } from '../../http/openapi/documented-param';
import type { Page } from '../../http/page';
import { PageQuery } from '../../http/page-query.dto';
import { publicUrlFor, resetLink } from '../../http/public-url';
import { CreateRoute, DeleteRoute, ListRoute, PutRoute, ReadRoute } from '../../http/routes';
import { Expensive } from '../../limits/expensive.decorator';
import { StaysOpen } from '../../limits/stays-open.decorator';
import { emailTaken, erasureInProgress, lastAdmin, userNotFound, usernameTaken } from '../user.errors';
import { AppConfig } from '../../config/app-config';
import { ErasureResponse } from './dto/erasure.response';
import { PasswordResetResponse } from './dto/password-reset.response';
import { UpdateUserDto } from './dto/update-user.dto';
import { UserAdminService } from './user-admin.service';

const USER_ID = /^[\x21-\x7e]{1,128}$/;

@Injectable()
class ParseUserId implements PipeTransform<string, string> {
  transform(id: string): string {
    if (!USER_ID.test(id)) throw userNotFound();
    return id;
  }
}

const UserId = () =>
  documentedParam(
    Param('id', ParseUserId),
    ApiParam({
      name: 'id',
      example: '019a5b1c-7f00-7000-8000-000000000010',
      description: 'The user.',
      schema: { type: 'string', minLength: 1, maxLength: 128 },
    }),
  );

@ApiTags('users')
@Controller('users')
export class UsersController {
  constructor(
    private readonly users: UserAdminService,
    private readonly recovery: AccountRecovery,
    private readonly config: AppConfig,
  ) {}

  @AdminOnly()
  @ListRoute('', UserResponse, {
    summary: 'List all users',
    description: 'For administrators; newest first.',
  })
  listUsers(@CurrentIdentity() { userId }: Identity, @Query() query: PageQuery): Promise<Page<UserResponse>> {
    return listPage(
      { userId, list: 'users', by: 'created_at', ids: 'string' },
      query,
      (after, limit) => this.users.list(after, limit),
      toUserResponse,
    );
  }

  @ReadRoute(':id', {
    summary: 'Read a user',
    description: 'Oneself; administrators, anybody.',
    returns: { type: UserResponse, description: 'The user.' },
    problems: [userNotFound, erasureInProgress, 'forbidden'],
  })
  async getUser(@CurrentIdentity() identity: Identity, @UserId() id: string): Promise<UserResponse> {
    return toUserResponse(await this.users.get(identity, id));
  }

  @PutRoute(':id', {
    summary: 'Change a user',
    description:
      'Oneself; administrators, anybody, and only they the role and who may use the service. Both take effect within a second. With accounts of the service, another name or address takes a session whose password was given lately.',
    returns: { type: UserResponse, description: 'The user as it is now.' },
    problems: [
      userNotFound,
      notAnAdmin,
      reauthenticationRequired,
      usernameTaken,
      emailTaken,
      lastAdmin,
      erasureInProgress,
    ],
  })
  async updateUser(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Body() body: UpdateUserDto,
    @Origin() origin: RequestOrigin,
  ): Promise<UserResponse> {
    return toUserResponse(await this.users.update(identity, id, body, origin));
  }

  @ApiAcceptedResponse({
    type: ErasureResponse,
    description: 'Nobody is let in under this identity; the rest is being removed.',
  })
  @DeleteRoute(':id', {
    summary: 'Erase a user',
    description:
      'With everything of theirs, for good. Name, password and access go at once. Where there is very much, the rest of it follows in the ' +
      'background (202), and until it is gone whoever comes under this identity gets 409 `erasure_in_progress`; an administrator may ' +
      'ask again to learn whether it is done (404). With accounts of the service it takes a session whose password was given lately.',
    returns: 'Nothing is left.',
    problems: [userNotFound, lastAdmin, reauthenticationRequired, 'forbidden'],
  })
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

  @AdminOnly()
  @AccountsOnly()
  @CreateRoute(':id/password-reset', {
    operationId: 'createPasswordReset',
    summary: 'Make a link to choose a new password',
    description:
      'For administrators, to be given to the user: it works once, for an hour. It takes a session whose password was given lately.',
    returns: { type: PasswordResetResponse, description: 'The link, which is shown this once.' },
    problems: [userNotFound, notAnAdmin, reauthenticationRequired, erasureInProgress],
  })
  async createPasswordReset(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Req() request: Request,
  ): Promise<PasswordResetResponse> {
    const { token, expiresAt } = await this.recovery.issue(identity, id, originOf(request));
    return { token, url: resetLink(publicUrlFor(request, this.config.http), token), expires_at: expiresAt };
  }

  @StaysOpen()
  @Expensive()
  @ApiProduces(NDJSON)
  @ReadRoute(':id/export', {
    summary: 'Export everything of a user',
    description:
      'One JSON object per line: `{type, data}`. Secrets are left out, since not even the service knows them.',
    returns: {
      description: 'Everything, line by line.',
      content: {
        [NDJSON]: {
          schema: { type: 'string' },
          example:
            '{"type":"user","data":{"id":"alice"}}\n{"type":"conversation","data":{"title":"Norway"}}\n',
        },
      },
    },
    problems: [userNotFound, erasureInProgress, 'forbidden'],
  })
  async exportUser(
    @CurrentIdentity() identity: Identity,
    @UserId() id: string,
    @Origin() origin: RequestOrigin,
  ): Promise<StreamableFile> {
    const pieces = await this.users.export(identity, id, origin);
    return ndjsonFile(pieces, 'export.ndjson');
  }
}
