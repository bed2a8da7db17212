import { Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from '../auth/public.decorator';
import { AppConfig } from '../config/app-config';
import { API_PREFIX } from '../http/api-prefix';
import { ReadRoute } from '../http/routes';
import { AboutResponse } from './about.response';
import { featuresOf } from './features';
import { VERSION } from '../common/version';

/** Says what the service is to whoever asks, before anybody has signed in: nothing here may depend on who that is. */
@Public()
@ApiTags('about')
@Controller()
export class AboutController {
  private readonly about: AboutResponse;

  constructor(config: AppConfig) {
    const { auth, http } = config;
    this.about = {
      name: 'Parley',
      version: VERSION,
      auth_mode: auth.mode,
      default_user: auth.defaultUserId !== undefined,
      registration: auth.mode === 'token' && auth.registration === 'open',
      sharing: config.sharing.enabled,
      password_reset: auth.mode === 'token' && config.mail.smtpUrl !== undefined,
      features: featuresOf(config),
      links: {
        health: '/health/ready',
        openapi: http.docs ? `/${API_PREFIX}/openapi.json` : null,
        docs: http.docs ? `/${API_PREFIX}/docs` : null,
      },
    };
  }

  @ReadRoute('', {
    operationId: 'getAbout',
    summary: 'What is this service',
    description: 'All that a page must know before anybody has signed in.',
    returns: { type: AboutResponse, description: 'What it is, and what it can do.' },
  })
  getAbout(): AboutResponse {
    return this.about;
  }
}
