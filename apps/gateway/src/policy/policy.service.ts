import type { PolicyStatus } from '@corridor/contracts';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { MessageBus } from '../bus/message-bus.js';
import { FleetService } from '../fleet/fleet.service.js';
import { Backoff } from '../kernel/backoff.js';
import { Clock } from '../kernel/clock.js';
import { type ActiveDevice, DomainEvents } from '../kernel/domain-events.js';
import { PolicyRepository } from '../store/policy-repository.js';
import { PrismaService } from '../store/prisma.service.js';
import { isUnavailable } from '../store/unavailable.js';
import { isSettled } from './acknowledgement.js';
import { DeviceBook } from './device-book.js';
import { PolicyAnswers } from './policy-answers.js';
import { PolicyIssuer } from './policy-issuer.js';
import { PolicyOutbox } from './policy-outbox.js';
import { PolicyStates } from './policy-states.js';

const RENEW_EVERY_MS = 15 * 60_000;

/**
 * Keeps every vehicle's issued policy equal to what its layers say, and told to the vehicle. Each step can be lost to a
 * crash, a broker or a database that is away: so the whole is compared again at every start and whenever one of them is back.
 */
@Injectable()
export class PolicyService implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #logger = new Logger('policy');
  readonly #endings: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #backoff = new Backoff(1_000, 30_000);
  #retry: NodeJS.Timeout | undefined;
  #loaded = false;
  #comparing: Promise<void> | undefined;

  constructor(
    @Inject(PolicyRepository) private readonly repository: PolicyRepository,
    @Inject(PrismaService) private readonly prisma: Pick<PrismaService, 'onReady'>,
    @Inject(FleetService) private readonly fleet: Pick<FleetService, 'activeDevices'>,
    @Inject(MessageBus) private readonly bus: MessageBus,
    @Inject(PolicyStates) private readonly states: PolicyStates,
    @Inject(PolicyIssuer) private readonly issuer: PolicyIssuer,
    @Inject(PolicyAnswers) private readonly answers: PolicyAnswers,
    @Inject(PolicyOutbox) private readonly outbox: PolicyOutbox,
    @Inject(DeviceBook) private readonly book: DeviceBook,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** From memory. */
  statusOf(vehicleId: string): PolicyStatus {
    return this.states.statusOf(vehicleId);
  }

  /**
   * Issues a new version when the vehicle's effective policy is another than the last issued.
   * @throws DomainError `policy-invalid` when its layers together cannot be followed
   */
  async issueFor(vehicleId: string): Promise<void> {
    await this.issuer.issue(vehicleId, { why: 'the effective policy of the vehicle changed' });
  }

  /** The newest signed policy, from memory; null before the first. */
  async currentJws(vehicleId: string): Promise<string | null> {
    return this.states.target(vehicleId)?.jws ?? null;
  }

  async onApplicationBootstrap(): Promise<void> {
    this.outbox.use((vehicleId) => this.#message(vehicleId));
    this.issuer.onMissed((error) => this.#note(error));
    this.#listen();
    this.#timer = setInterval(() => this.#background(this.compare()), RENEW_EVERY_MS).unref();
    // What could not be read now is read as soon as the database answers.
    await this.#load().catch((error) => this.#note(error));
    // Not waited for: an upgrade may have something new for every vehicle.
    this.#background(this.compare());
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    for (const end of this.#endings) end();
    await this.#comparing?.catch(() => undefined);
    await this.issuer.queue.idle();
  }

  /** Issues whatever is missing, and sends whatever may not have arrived. One comparison at a time. */
  compare(): Promise<void> {
    this.#comparing ??= this.#compare().finally(() => {
      this.#comparing = undefined;
    });
    return this.#comparing;
  }

  async #compare(): Promise<void> {
    await this.#load();
    await this.answers.writeMissed();
    await this.issuer.issueChanged({}, 'the effective policy of the vehicle changed');
    await this.issuer.renew();
    this.#backoff.reset();
  }

  async #load(): Promise<void> {
    if (this.#loaded) return;
    for (const { deviceId, vehicleId } of await this.fleet.activeDevices()) this.book.add(deviceId, vehicleId);
    this.states.load(await this.repository.current(), await this.repository.inForce());
    this.#loaded = true;
    this.#repeatAll();
  }

  #listen(): void {
    const { events } = this;
    this.#endings.push(
      this.prisma.onReady((ready) => ready && this.#background(this.compare())),
      events.on('bus-state', ({ connected }) => connected && this.#repeatAll()),
      events.on('device-active', (device) => this.#background(this.#deviceActive(device))),
      events.on('device-revoked', ({ deviceId }) => this.#deviceGone(deviceId)),
      events.on('vehicle-changed', ({ vehicleId }) => this.#background(this.issueFor(vehicleId))),
      events.on('group-changed', ({ groupId }) =>
        this.#background(this.issuer.issueChanged({ groupId }, 'the group of the vehicle changed')),
      ),
      events.on('vehicle-removed', ({ vehicleId }) => this.states.forget(vehicleId)),
      events.on('policy-request', ({ deviceId, request }) =>
        this.#background(this.answers.requested(deviceId, request)),
      ),
      events.on('policy-ack', ({ deviceId, ack }) => this.#background(this.answers.acknowledged(deviceId, ack))),
    );
  }

  async #deviceActive({ deviceId, vehicleId }: ActiveDevice): Promise<void> {
    const isNew = this.book.add(deviceId, vehicleId);
    const first = this.states.target(vehicleId) === undefined;
    // What the device before it had in force says nothing about this one.
    if (isNew && !first) await this.issuer.issue(vehicleId, { why: 'another device in the vehicle', force: true });
    else await this.issuer.issue(vehicleId, { why: first ? 'first policy of the vehicle' : 'the vehicle changed' });
  }

  #deviceGone(deviceId: string): void {
    this.book.remove(deviceId);
    // It can read nothing any more; what the broker keeps for it goes when the broker can be told.
    if (this.bus.connected) this.#background(this.bus.forget(deviceId));
  }

  /** Unsettled versions first. */
  #repeatAll(): void {
    const targets = [...this.states.targets()];
    targets.sort((a, b) => Number(isSettled(a.state)) - Number(isSettled(b.state)));
    this.outbox.repeat(targets.map(({ vehicleId }) => vehicleId));
  }

  #message(vehicleId: string): { deviceIds: readonly string[]; jws: string } | undefined {
    const target = this.states.target(vehicleId);
    // One that has expired would only be refused; its successor is on the way.
    if (target === undefined || target.expiresAt.getTime() <= this.clock.nowMs()) return undefined;
    return { deviceIds: this.book.devicesOf(vehicleId), jws: target.jws };
  }

  #background(work: Promise<unknown>): void {
    work.catch((error) => this.#note(error));
  }

  /** What the database could not do is done when it is back: the comparison finds it. */
  #note(error: unknown): void {
    const message = (error as Error).message;
    if (isUnavailable(error)) {
      this.#logger.debug(`waiting for the database: ${message}`);
      this.#retry ??= setTimeout(() => {
        this.#retry = undefined;
        this.#background(this.compare());
      }, this.#backoff.next()).unref();
    } else this.#logger.error(`policy: ${message}`, (error as Error).stack);
  }
}
