import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ObservabilityModule } from '../observability/observability.module';
import { InstanceEntity } from './instance.entity';
import { InstanceService } from './instance.service';
import { InstancesRepository } from './instances.repository';

@Module({
  imports: [ObservabilityModule, TypeOrmModule.forFeature([InstanceEntity])],
  providers: [InstancesRepository, InstanceService],
  exports: [InstanceService],
})
export class InstancesModule {}
