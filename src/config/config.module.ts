import { Global, Module } from '@nestjs/common';
import { ConfigModule as EnvironmentModule } from '@nestjs/config';
import { AppConfig } from './app-config';
import { parseAppConfig } from './environment';

/**
 * Reads `.env` into the environment, where a variable that is already set wins, and provides the validated AppConfig.
 * Tests do not see a developer's `.env`.
 */
@Global()
@Module({
  imports: [EnvironmentModule.forRoot({ ignoreEnvFile: process.env.NODE_ENV === 'test' })],
  providers: [{ provide: AppConfig, useFactory: () => parseAppConfig(process.env) }],
  exports: [AppConfig],
})
export class ConfigModule {}
