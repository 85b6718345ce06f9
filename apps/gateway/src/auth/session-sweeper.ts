import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { CredentialRepository } from '../store/credential-repository.js';

const EVERY_MS = 3_600_000;

/** Forgets sessions and tokens that have ended; they open nothing any more, so a failure waits for the next time. */
@Injectable()
export class SessionSweeper implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(CredentialRepository) private readonly credentials: CredentialRepository,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.sweep(), EVERY_MS);
    this.#timer.unref();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  async sweep(): Promise<void> {
    await this.credentials.sweep(new Date(this.clock.nowMs())).catch(() => undefined);
  }
}
