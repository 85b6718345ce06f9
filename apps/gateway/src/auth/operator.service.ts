import type { Operator, Page, PageQuery, Role } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { OperatorRepository } from '../store/operator-repository.js';
import { actorName, authorOf, type OperatorActor, SYSTEM } from './actor.js';
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
    @Inject(DomainEvents) private readonly events: DomainEvents,
  ) {}

  async list(organisationId: string, { cursor, limit }: PageQuery): Promise<Page<Operator>> {
    const rows = await this.operators.list(organisationId, cursor, limit + 1);
    const items = rows.slice(0, limit);
    return { items, nextCursor: rows.length > limit ? items.at(-1)!.username : null };
  }

  /** @throws DomainError `username-taken` */
  async create(actor: OperatorActor, { username, name, role, password }: OperatorInput): Promise<Operator> {
    const passwordHash = await this.passwords.hash(password);
    return this.operators.create(authorOf(actor), { username, name, role, passwordHash });
  }

  /** @throws DomainError `operator-unknown`, `last-admin` */
  async update(actor: OperatorActor, id: string, { password, ...change }: OperatorUpdate): Promise<Operator> {
    const { name, role, disabled } = change;
    const passwordHash = password === undefined ? undefined : await this.passwords.hash(password);
    const wanted = { name, role, disabled, passwordHash };
    const result = await this.operators.update(authorOf(actor), id, wanted, 'operator.changed');
    if (result === undefined) throw new DomainError('not-found', 'operator-unknown', 'There is no such operator.');
    if (result.endsSessions) this.events.emit('operator-changed', { operatorId: id });
    return result.operator;
  }

  /** For whoever has the machine itself. Ends all sessions. @throws DomainError `operator-unknown` */
  async resetPassword(username: string, password: string): Promise<void> {
    const record = await this.operators.byUsername(username);
    if (record === undefined) {
      throw new DomainError('not-found', 'operator-unknown', `There is no operator "${username}".`);
    }
    const passwordHash = await this.passwords.hash(password);
    const { id } = record.operator;
    const author = { organisationId: record.organisation.id, name: actorName(SYSTEM) };
    await this.operators.update(author, id, { passwordHash, disabled: false }, 'operator.password-reset');
    this.events.emit('operator-changed', { operatorId: id });
  }
}
