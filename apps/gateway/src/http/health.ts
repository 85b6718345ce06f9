import { Inject, Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { z } from 'zod';
import { PrismaService } from '../store/prisma.service.js';
import { Metrics } from './metrics.js';

const PartState = z.enum(['up', 'down', 'off']);
export type PartState = z.infer<typeof PartState>;

export const Readiness = z.object({
  status: z.enum(['ready', 'degraded', 'draining']),
  parts: z.record(z.string(), PartState),
});
export type Readiness = z.infer<typeof Readiness>;

/** What the gateway is made of, and which of it works at this moment. Parts report themselves; nothing is remembered. */
@Injectable()
export class Health {
  readonly #parts = new Map<string, () => PartState>();
  #draining = false;

  constructor(@Inject(PrismaService) store: PrismaService, @Inject(Metrics) metrics: Metrics) {
    this.addPart('database', () => (store.ready ? 'up' : 'down'));
    const parts = this.#parts;
    new Gauge({
      name: 'corridor_part_up',
      help: '1: this part of the gateway works, 0: it does not',
      labelNames: ['part'],
      registers: [metrics.registry],
      collect() {
        for (const [part, state] of parts) if (state() !== 'off') this.set({ part }, state() === 'up' ? 1 : 0);
      },
    });
  }

  /** @param state asked at each request: must be cheap and must not throw */
  addPart(name: string, state: () => PartState): void {
    this.#parts.set(name, state);
  }

  /** From now on not ready: the end has begun. */
  drain(): void {
    this.#draining = true;
  }

  readiness(): Readiness {
    const parts = Object.fromEntries([...this.#parts].map(([name, state]) => [name, state()]));
    const degraded = Object.values(parts).includes('down');
    return { status: this.#draining ? 'draining' : degraded ? 'degraded' : 'ready', parts };
  }
}
