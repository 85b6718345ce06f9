import type { Operator, Page, PageQuery, Role } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { OperatorRepository } from '../store/operator-repository.js';
import type { Actor, OperatorActor } from './actor.js';
import { Audit } from './audit.js';
import { Passwords } from './passwords.js';

export interface OperatorInput {
  readonly username: string;
  readonly name: string;
  readonly role: Role;
  readonly password: string;
}

export interface OperatorUpdate {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
  readonly password?: string | undefined;
}

/** The people who may use the console. Whatever takes rights away ends their sessions in the same transaction. */
@Injectable()
export class OperatorService {
  constructor(
    @Inject(OperatorRepository) private readonly operators: OperatorRepository,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(Audit) private readonly audit: Audit,
    @Inject(DomainEvents) private readonly events: DomainEvents,
  ) {}

  async list(organisationId: string, { cursor, limit }: PageQuery): Promise<Page<Operator>> {
    const rows = await this.operators.list(organisationId, cursor, limit + 1);
    const items = rows.slice(0, limit);
    return { items, nextCursor: rows.length > limit ? items.at(-1)!.username : null };
  }

  async create(actor: OperatorActor, { username, name, role, password }: OperatorInput): Promise<Operator> {
    const passwordHash = await this.passwords.hash(password);
    const operator = await this.operators.create(actor.organisationId, { username, name, role, passwordHash });
    await this.audit.record(actor, 'operator.created', `operator:${operator.id}`, { username, role });
    return operator;
  }

  /** @throws DomainError `operator-unknown`, `last-admin` */
  async update(actor: OperatorActor, id: string, { password, ...change }: OperatorUpdate): Promise<Operator> {
    const { name, role, disabled } = change;
    const passwordHash = password === undefined ? undefined : await this.passwords.hash(password);
    const result = await this.operators.update(actor.organisationId, id, { name, role, disabled, passwordHash });
    if (result === undefined) throw new DomainError('not-found', 'operator-unknown', 'There is no such operator.');
    if (result.endsSessions) this.events.emit('operator-changed', { operatorId: id });
    await this.#recordUpdate(actor, id, { name, role, disabled }, password !== undefined);
    return result.operator;
  }

  /** For whoever has the machine itself. Ends all sessions. @throws DomainError `operator-unknown` */
  async resetPassword(actor: Actor, username: string, password: string): Promise<void> {
    const record = await this.operators.byUsername(username);
    if (record === undefined) {
      throw new DomainError('not-found', 'operator-unknown', `There is no operator "${username}".`);
    }
    const passwordHash = await this.passwords.hash(password);
    const { id } = record.operator;
    await this.operators.update(record.organisation.id, id, { passwordHash });
    this.events.emit('operator-changed', { operatorId: id });
    await this.audit.record(actor, 'operator.password-reset', `operator:${id}`, { username });
  }

  async #recordUpdate(actor: Actor, id: string, change: OperatorUpdate, password: boolean): Promise<void> {
    const told = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
    await this.audit.record(
      actor,
      'operator.changed',
      `operator:${id}`,
      password ? { ...told, password: 'set' } : told,
    );
  }
}
