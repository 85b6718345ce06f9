import { Module } from '@nestjs/common';
import { StatusModule } from './status.module.js';

@Module({ imports: [StatusModule], exports: [StatusModule] })
export class TelemetryModule {}
