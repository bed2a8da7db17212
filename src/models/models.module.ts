import { Module } from '@nestjs/common';
import { ProvidersModule } from '../providers/providers.module';
import { ModelsController } from './models.controller';

@Module({ imports: [ProvidersModule], controllers: [ModelsController] })
export class ModelsModule {}
