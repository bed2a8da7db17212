import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import {
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { Origin, type RequestOrigin } from '../../audit/request-origin.decorator';
import { AppConfig } from '../../config/app-config';
import type { AppError } from '../../errors/app-error';
import { AcceptsForm } from '../../http/body.guard';
import { ProblemResponses } from '../../http/openapi/problem-responses';
import { RateLimited } from '../../limits/rate-limited.decorator';
import { emailTaken, userNotFound, usernameTaken } from '../../users/user.errors';
import { UsersService } from '../../users/users.service';
import { invalidCredentials, invalidRefreshToken, registrationClosed, tooManyAttempts } from '../auth.errors';
import { CurrentIdentity, CurrentUser } from '../current-user.decorator';
import type { Identity } from '../identity';
import { LoginRefusal } from '../login-refusal.decorator';
import { Public } from '../public.decorator';
import { AccountsOnly } from '../route-rules.decorator';
import { AccountsService } from './accounts.service';
import { ChangePasswordDto, ReauthenticateDto } from './dto/password.dto';
import { RegisterDto } from './dto/register.dto';
import { RefreshDto, TokenDto } from './dto/token.dto';
import { TokenResponse, toTokenResponse } from './dto/token.response';
import { toUserResponse, UserResponse } from './dto/user.response';

const attemptsExhausted = () => tooManyAttempts(8);

@ApiTags('auth')
@Controller('auth')
export class AccountsController {
  constructor(
    private readonly accounts: AccountsService,
    private readonly users: UsersService,
    private readonly config: AppConfig,
  ) {}

  @Post('register')
  @Public()
  @RateLimited('register')
  @AccountsOnly()
  @ApiOperation({ summary: 'Make an account' })
  @ApiCreatedResponse({ type: UserResponse, description: 'The account.' })
  @ProblemResponses(registrationClosed, usernameTaken, emailTaken, 'unavailable')
  async register(@Body() body: RegisterDto, @Origin() origin: RequestOrigin): Promise<UserResponse> {
    if (this.config.auth.registration === 'closed') throw registrationClosed();
    return toUserResponse(await this.accounts.register(body, origin));
  }

  @Post('token')
  @HttpCode(200)
  @AcceptsForm()
  @Public()
  @RateLimited('login')
  @AccountsOnly()
  @ApiOperation({
    summary: 'Log in',
    description:
      "OAuth2's password grant. A wrong name and a wrong password are answered alike; guessing is slowed.",
  })
  @ApiConsumes('application/json', 'application/x-www-form-urlencoded')
  @ApiBody({ type: TokenDto })
  @ApiOkResponse({ type: TokenResponse, description: 'The tokens of a new session.' })
  @ProblemResponses(invalidCredentials, attemptsExhausted, 'unavailable')
  async createToken(
    @Body() { username: login, password }: TokenDto,
    @Origin() origin: RequestOrigin,
    @LoginRefusal() refusal: AppError | undefined,
  ): Promise<TokenResponse> {
    return toTokenResponse(await this.accounts.logIn({ login, password }, origin, refusal));
  }

  @Post('refresh')
  @HttpCode(200)
  @Public()
  @AccountsOnly()
  @ApiOperation({
    summary: 'Get the next pair of tokens',
    description:
      'The refresh token is spent by this. For 10 s a spent one is answered with the same next refresh token, so that two tabs, or a client that missed the answer, go on; if it comes later, the whole session ends.',
  })
  @ApiOkResponse({ type: TokenResponse, description: 'The next tokens of the session.' })
  @ProblemResponses(invalidRefreshToken, 'rate_limited', 'unavailable')
  async refreshToken(@Body() body: RefreshDto, @Origin() origin: RequestOrigin): Promise<TokenResponse> {
    return toTokenResponse(await this.accounts.refresh(body.refresh_token, origin));
  }

  @Post('logout')
  @HttpCode(204)
  @AccountsOnly()
  @ApiOperation({ summary: 'End the session', description: 'Its tokens, tickets and streams end with it.' })
  @ApiNoContentResponse({ description: 'It has ended.' })
  @ProblemResponses('forbidden')
  async logOut(@CurrentIdentity() identity: Identity, @Origin() origin: RequestOrigin): Promise<void> {
    await this.accounts.logOut(identity, origin);
  }

  @Post('reauthenticate')
  @HttpCode(204)
  @RateLimited('password')
  @AccountsOnly()
  @ApiOperation({
    summary: 'Give the password again',
    description:
      'Vouches for the session, as logging in does and refreshing does not. Changing name or address, erasing a user and making API keys ask for it after `REAUTHENTICATION_MAX_AGE_S`.',
  })
  @ApiNoContentResponse({ description: 'The session is vouched for.' })
  @ProblemResponses(invalidCredentials, attemptsExhausted, 'forbidden')
  async reauthenticate(
    @CurrentIdentity() identity: Identity,
    @Body() { current_password }: ReauthenticateDto,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.accounts.reauthenticate(identity, current_password, origin);
  }

  @Post('password')
  @HttpCode(204)
  @RateLimited('password')
  @AccountsOnly()
  @ApiOperation({ summary: 'Change the password', description: 'All other sessions end.' })
  @ApiNoContentResponse({ description: 'It is changed.' })
  @ProblemResponses(invalidCredentials, attemptsExhausted, 'forbidden')
  async changePassword(
    @CurrentIdentity() identity: Identity,
    @Body() body: ChangePasswordDto,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    const passwords = { current: body.current_password, next: body.new_password };
    await this.accounts.changePassword(identity, passwords, origin);
  }

  @Get('me')
  @ApiOperation({ summary: 'Read who one is' })
  @ApiOkResponse({ type: UserResponse, description: 'Oneself.' })
  @ProblemResponses('forbidden', userNotFound)
  async getMe(@CurrentUser() userId: string): Promise<UserResponse> {
    return toUserResponse(await this.users.get(userId));
  }
}
