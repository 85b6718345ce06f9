import { Module } from '@nestjs/common';
import { DomainEvents } from './kernel/domain-events.js';

@Module({ providers: [DomainEvents] })
export class AppModule {}
