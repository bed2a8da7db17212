import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module';
import { LlmModule } from '../llm/llm.module';
import { OutboundModule } from '../outbound/outbound.module';
import { UsersModule } from '../users/users.module';
import { KeyCipher } from './key-cipher';
import { KeyRotation } from './key-rotation';
import { ModelDirectory } from './model-directory';
import { OwnModels } from './own-models';
import { ProviderCheck } from './provider-check';
import { ProviderEntity } from './provider.entity';
import { ProviderProbe } from './provider-probe';
import { ProvidersController } from './providers.controller';
import { ProvidersExport } from './providers.export';
import { ProvidersRepository } from './providers.repository';
import { ProvidersService } from './providers.service';

/** Model providers that users bring, and the models that each user has. */
@Module({
  imports: [TypeOrmModule.forFeature([ProviderEntity]), LlmModule, OutboundModule, UsersModule, AuditModule],
  controllers: [ProvidersController],
  providers: [
    KeyCipher,
    KeyRotation,
    ModelDirectory,
    OwnModels,
    ProviderCheck,
    ProviderProbe,
    ProvidersExport,
    ProvidersRepository,
    ProvidersService,
  ],
  exports: [KeyRotation, ModelDirectory],
})
export class ProvidersModule {}
