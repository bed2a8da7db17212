import { Module } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { OutboundGuard } from './outbound-guard';

/** Calls to servers that users name. Needs an AppConfig in a global module. */
@Module({
  providers: [
    {
      provide: OutboundGuard,
      inject: [AppConfig],
      useFactory: ({ ownProviders }: AppConfig) => new OutboundGuard(ownProviders),
    },
  ],
  exports: [OutboundGuard],
})
export class OutboundModule {}
