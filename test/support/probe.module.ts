import {
  Body,
  Controller,
  Get,
  Header,
  HttpException,
  Module,
  Param,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { Type } from 'class-transformer';
import { IsArray, IsInt, IsOptional, IsString, ValidateNested } from 'class-validator';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { CurrentUser } from '../../src/auth/current-user.decorator';
import { Public } from '../../src/auth/public.decorator';
import { StreamRoute } from '../../src/auth/stream-route.decorator';
import { AppError } from '../../src/errors/app-error';
import { PageQuery } from '../../src/http/page-query.dto';
import { ParseId } from '../../src/http/parse-id.pipe';

class Inner {
  @IsString()
  name!: string;
}

class ProbeBody {
  @IsString()
  text!: string;

  @IsOptional()
  @IsInt()
  count?: number;

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Inner)
  items?: Inner[];
}

class ProbeQuery extends PageQuery {
  @IsOptional()
  @IsString()
  q?: string;
}

/** Routes whose only purpose is to show how the edge treats any route. Each counts its calls. */
@Controller('probe')
export class ProbeController {
  static calls = 0;
  static running = 0;
  static mostAtOnce = 0;

  @Get('me')
  me(@CurrentUser() userId: string) {
    ProbeController.calls += 1;
    return { user_id: userId };
  }

  @Public()
  @Get('open')
  open() {
    ProbeController.calls += 1;
    return { ok: true };
  }

  @Public()
  @Get('slow')
  async slow() {
    ProbeController.calls += 1;
    ProbeController.running += 1;
    ProbeController.mostAtOnce = Math.max(ProbeController.mostAtOnce, ProbeController.running);
    await sleep(20);
    ProbeController.running -= 1;
    return { ok: true };
  }

  @Public()
  @Post('echo')
  echo(@Body() body: ProbeBody) {
    ProbeController.calls += 1;
    return body;
  }

  @Public()
  @Post('bodiless')
  bodiless() {
    return { ok: true };
  }

  @Public()
  @Get('list')
  list(@Query() query: ProbeQuery) {
    return query;
  }

  @Public()
  @Get('items/:id')
  item(@Param('id', ParseId) id: string) {
    return { id };
  }

  @StreamRoute()
  @Get('stream')
  stream(@CurrentUser() userId: string, @Query() query: ProbeQuery) {
    return { user_id: userId, query };
  }

  @Public()
  @Get('fail/:how')
  fail(@Param('how') how: string, @Res({ passthrough: true }) response: ServerResponse): never {
    if (how === 'late') response.write('half of it');
    throw FAILURES[how]?.() ?? new Error('canary: secret internals');
  }

  @Public()
  @Get('etag')
  @Header('ETag', '"7"')
  etag() {
    return { version: 7 };
  }
}

const FAILURES: Record<string, () => unknown> = {
  conflict: () =>
    new AppError('conflict', 'reply_in_progress', 'A reply is running.', {
      extensions: { message_id: 'm1' },
    }),
  unavailable: () => new AppError('unavailable', 'draining', 'Try again.', { retryAfterS: 1.2 }),
  provider: () =>
    new AppError('provider_failed', 'provider_failed', 'The model failed.', { cause: new Error('canary') }),
  http: () => new HttpException('canary', 409),
  string: () => 'canary',
  database: () => Object.assign(new Error('canary'), { code: '22P02' }),
};

@Module({ controllers: [ProbeController] })
export class ProbeModule {}
