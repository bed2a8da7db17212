import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { InstanceEntity } from './instance.entity';
import { InstanceService } from './instance.service';
import { InstancesRepository } from './instances.repository';

@Module({
  imports: [TypeOrmModule.forFeature([InstanceEntity])],
  providers: [InstancesRepository, InstanceService],
  exports: [InstanceService],
})
export class InstancesModule {}
