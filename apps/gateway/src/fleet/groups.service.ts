import type { CreateGroup, Group, Organisation, Page, PageQuery, UpdateGroup } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { OperatorActor } from '../auth/actor.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import { GroupRepository, groupUnknown } from '../store/group-repository.js';
import { authorOf } from './author.js';
import { readCursor, writeCursor } from './cursor.js';
import { groupOf } from './representation.js';

/** The organisation and its groups. */
@Injectable()
export class GroupsService {
  constructor(
    @Inject(GroupRepository) private readonly repository: GroupRepository,
    @Inject(DomainEvents) private readonly events: DomainEvents,
  ) {}

  async organisation(id: string): Promise<Organisation> {
    const record = await this.repository.organisation(id);
    // Its operators are rows that refer to it.
    if (record === undefined) throw new Error(`organisation ${id} has operators, but is not there`);
    return { ...record, createdAt: record.createdAt.toISOString() };
  }

  async renameOrganisation(actor: OperatorActor, name: string): Promise<Organisation> {
    const record = await this.repository.renameOrganisation(authorOf(actor), name);
    return { ...record, createdAt: record.createdAt.toISOString() };
  }

  /** In order of their names. */
  async list(query: PageQuery, organisationId: string): Promise<Page<Group>> {
    const { limit } = query;
    const records = await this.repository.groups(organisationId, readCursor(query.cursor), limit + 1);
    const nextCursor = records.length > limit ? writeCursor(records[limit - 1]!.name) : null;
    return { items: records.slice(0, limit).map(groupOf), nextCursor };
  }

  /** @throws DomainError `group-unknown` */
  async get(id: string, organisationId: string): Promise<Group> {
    const record = await this.repository.group(organisationId, id);
    if (record === undefined) throw groupUnknown();
    return groupOf(record);
  }

  /** @throws DomainError `group-name-taken` */
  async create(actor: OperatorActor, request: z.infer<typeof CreateGroup>): Promise<Group> {
    const id = newId();
    const { name, description, requireApproval } = request;
    await this.repository.create(authorOf(actor), id, { name, description, requireApproval });
    this.events.emit('group-changed', { groupId: id });
    return this.get(id, actor.organisationId);
  }

  /** @throws DomainError `group-unknown`, `group-name-taken` */
  async update(actor: OperatorActor, id: string, request: z.infer<typeof UpdateGroup>): Promise<Group> {
    const { name, description, requireApproval } = request;
    const change = {
      ...(name === undefined ? {} : { name }),
      ...(description === undefined ? {} : { description }),
      ...(requireApproval === undefined ? {} : { requireApproval }),
    };
    await this.repository.update(authorOf(actor), id, change);
    this.events.emit('group-changed', { groupId: id });
    if (name !== undefined) await this.#vehiclesChanged(id);
    return this.get(id, actor.organisationId);
  }

  /** @throws DomainError `group-unknown`, `group-not-empty` */
  async delete(actor: OperatorActor, id: string): Promise<void> {
    await this.repository.delete(authorOf(actor), id);
    this.events.emit('group-changed', { groupId: id });
  }

  /** Vehicles show the name of their group. */
  async #vehiclesChanged(groupId: string): Promise<void> {
    for (const vehicleId of await this.repository.vehicleIds(groupId))
      this.events.emit('vehicle-changed', { vehicleId });
  }
}
