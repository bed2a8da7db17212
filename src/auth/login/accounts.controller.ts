import { Body, Controller, Query, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Origin, originOf, type RequestOrigin } from '../../audit/request-origin.decorator';
import { AppConfig } from '../../config/app-config';
import type { AppError } from '../../errors/app-error';
import { AcceptsForm } from '../../http/body.guard';
import { ActionRoute, CommandRoute, CreateRoute, ReadRoute } from '../../http/routes';
import { RateLimited } from '../../limits/rate-limited.decorator';
import { emailTaken, userNotFound, usernameTaken } from '../../users/user.errors';
import { UsersService } from '../../users/users.service';
import {
  cookieOriginNotAllowed,
  invalidCredentials,
  invalidRefreshToken,
  registrationClosed,
  tooManyAttempts,
} from '../auth.errors';
import { CurrentIdentity, CurrentUser } from '../current-user.decorator';
import type { Identity } from '../identity';
import { LoginRefusal } from '../login-refusal.decorator';
import { Public } from '../public.decorator';
import { TakesRefreshCookie } from '../refresh-cookie.decorator';
import { AccountsOnly } from '../route-rules.decorator';
import { RefreshCookies } from '../sessions/refresh-cookies';
import type { TokenPair } from '../sessions/sessions.service';
import { AccountsService } from './accounts.service';
import { ChangePasswordDto, ReauthenticateDto } from './dto/password.dto';
import { RegisterDto } from './dto/register.dto';
import { RefreshDto, TokenDto, TokenQuery } from './dto/token.dto';
import { toCookieTokenResponse, TokenResponse, toTokenResponse } from './dto/token.response';
import { toUserResponse, UserResponse } from '../../users/dto/user.response';

const attemptsExhausted = () => tooManyAttempts(8);

const SET_COOKIE = {
  'Set-Cookie': {
    description: 'The refresh token, where the cookie is used.',
    schema: {
      type: 'string',
      example:
        'parley_refresh=prt_kX2bV0v8…; Max-Age=2592000; Path=/api/v1/auth; HttpOnly; Secure; SameSite=Strict',
    },
  },
} as const;

@ApiTags('auth')
@Controller('auth')
export class AccountsController {
  constructor(
    private readonly accounts: AccountsService,
    private readonly cookies: RefreshCookies,
    private readonly users: UsersService,
    private readonly config: AppConfig,
  ) {}

  @Public()
  @RateLimited('register')
  @AccountsOnly()
  @CreateRoute('register', {
    summary: 'Make an account',
    returns: { type: UserResponse, description: 'The account.' },
    problems: [registrationClosed, usernameTaken, emailTaken, 'unavailable'],
  })
  async register(@Body() body: RegisterDto, @Origin() origin: RequestOrigin): Promise<UserResponse> {
    if (this.config.auth.registration === 'closed') throw registrationClosed();
    return toUserResponse(await this.accounts.register(body, origin));
  }

  @Public()
  @RateLimited('login')
  @AccountsOnly()
  @AcceptsForm()
  @ApiConsumes('application/json', 'application/x-www-form-urlencoded')
  @ApiBody({ type: TokenDto })
  @ActionRoute('token', {
    summary: 'Log in',
    description:
      "OAuth2's password grant. A wrong name and a wrong password are answered alike; guessing is slowed.",
    returns: { type: TokenResponse, description: 'The tokens of a new session.', headers: SET_COOKIE },
    problems: [invalidCredentials, attemptsExhausted, cookieOriginNotAllowed, 'unavailable'],
  })
  async createToken(
    @Body() { username: login, password }: TokenDto,
    @Query() { cookie }: TokenQuery,
    @LoginRefusal() refusal: AppError | undefined,
    @Req() request: Request,
  ): Promise<TokenResponse> {
    const useCookie = cookie === 'true';
    if (useCookie) this.cookies.assertOrigin(request);
    const pair = await this.accounts.logIn({ login, password }, originOf(request), refusal);
    return useCookie ? this.inCookie(pair, request) : toTokenResponse(pair);
  }

  @Public()
  @AccountsOnly()
  @ActionRoute('refresh', {
    summary: 'Get the next pair of tokens',
    description:
      'The refresh token is spent by this. For 10 s a spent one is answered with the same next refresh token, so that two tabs, or a client that missed the answer, go on; if it comes later, the whole session ends.',
    returns: { type: TokenResponse, description: 'The next tokens of the session.', headers: SET_COOKIE },
    problems: [invalidRefreshToken, cookieOriginNotAllowed, 'rate_limited', 'unavailable'],
  })
  async refreshToken(
    @Body() body: RefreshDto,
    @Origin() origin: RequestOrigin,
    @Req() request: Request,
  ): Promise<TokenResponse> {
    if (body.refresh_token !== undefined)
      return toTokenResponse(await this.accounts.refresh(body.refresh_token, origin));
    const token = this.cookies.read(request);
    if (token === undefined) throw invalidRefreshToken();
    return this.inCookie(await this.accounts.refresh(token, origin), request);
  }

  @TakesRefreshCookie()
  @AccountsOnly()
  @CommandRoute('logout', {
    summary: 'End the session',
    description:
      'Its tokens, tickets and streams end with it. Without `Authorization`, that of the cookie. The cookie goes in any case.',
    returns: { description: 'It has ended.' },
    problems: ['forbidden', cookieOriginNotAllowed],
  })
  async logOut(
    @CurrentIdentity() identity: Identity,
    @Origin() origin: RequestOrigin,
    @Req() request: Request,
  ): Promise<void> {
    await this.accounts.logOut(identity, origin);
    if (request.headers.cookie !== undefined) this.cookies.clear(request);
  }

  @RateLimited('password')
  @AccountsOnly()
  @CommandRoute('reauthenticate', {
    summary: 'Give the password again',
    description:
      'Vouches for the session, as logging in does and refreshing does not. Changing name or address, erasing a user and making API keys ask for it after `REAUTHENTICATION_MAX_AGE_S`.',
    returns: { description: 'The session is vouched for.' },
    problems: [invalidCredentials, attemptsExhausted, 'forbidden'],
  })
  async reauthenticate(
    @CurrentIdentity() identity: Identity,
    @Body() { current_password }: ReauthenticateDto,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    await this.accounts.reauthenticate(identity, current_password, origin);
  }

  @RateLimited('password')
  @AccountsOnly()
  @CommandRoute('password', {
    summary: 'Change the password',
    description: 'All other sessions end.',
    returns: { description: 'It is changed.' },
    problems: [invalidCredentials, attemptsExhausted, 'forbidden'],
  })
  async changePassword(
    @CurrentIdentity() identity: Identity,
    @Body() body: ChangePasswordDto,
    @Origin() origin: RequestOrigin,
  ): Promise<void> {
    const passwords = { current: body.current_password, next: body.new_password };
    await this.accounts.changePassword(identity, passwords, origin);
  }

  @ReadRoute('me', {
    summary: 'Read who one is',
    returns: { type: UserResponse, description: 'Oneself.' },
    problems: ['forbidden', userNotFound],
  })
  async getMe(@CurrentUser() userId: string): Promise<UserResponse> {
    return toUserResponse(await this.users.get(userId));
  }

  private inCookie(pair: TokenPair, request: Request): TokenResponse {
    this.cookies.set(request, pair.refresh);
    return toCookieTokenResponse(pair);
  }
}
