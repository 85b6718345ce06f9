import { setTimeout as after } from 'node:timers/promises';
import type {
  IssuedPolicy,
  Page,
  PageQuery,
  PolicyRevision,
  PolicySource,
  PutPolicy,
  VehiclePolicy,
} from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { actorName, type OperatorActor } from '../auth/actor.js';
import { FleetService } from '../fleet/fleet.service.js';
import { DomainError } from '../kernel/domain-error.js';
import {
  type IssuedRecord,
  type LayerScope,
  PolicyRepository,
  type VehicleLayers,
} from '../store/policy-repository.js';
import { checkContent, checkLayer } from './policy-check.js';
import { effectiveOf, PolicyIssuer } from './policy-issuer.js';
import { PolicyStates } from './policy-states.js';

/** An answer does not wait longer for a thousand signatures. */
const PATIENCE_MS = 2_000;

/** What operators see of policies and do to them. */
@Injectable()
export class PolicyLayersService {
  constructor(
    @Inject(PolicyRepository) private readonly repository: PolicyRepository,
    @Inject(PolicyIssuer) private readonly issuer: PolicyIssuer,
    @Inject(PolicyStates) private readonly states: PolicyStates,
    @Inject(FleetService) private readonly fleet: Pick<FleetService, 'vehicle'>,
  ) {}

  layer(actor: OperatorActor, scope: LayerScope, id: string): Promise<PolicyRevision> {
    return this.repository.layer(scope, id, actor.organisationId);
  }

  async layerHistory(
    actor: OperatorActor,
    scope: LayerScope,
    id: string,
    query: PageQuery,
  ): Promise<Page<PolicyRevision>> {
    const { before, limit } = window(query);
    return pageOf(await this.repository.layerHistory(scope, id, actor.organisationId, before, limit + 1), limit);
  }

  /**
   * Saves a layer and issues new versions to the vehicles that it changes something for; answers when they are issued,
   * or in a large fleet when that is under way.
   * @throws DomainError `policy-invalid`, `policy-changed`, `scope-unknown`, `admin-required`
   */
  async save(
    actor: OperatorActor,
    scope: LayerScope,
    id: string,
    body: z.infer<typeof PutPolicy>,
  ): Promise<PolicyRevision> {
    if (scope === 'organisation' && actor.role !== 'admin') {
      const message =
        'The policy of the whole organisation is changed by administrators; groups and vehicles have their own.';
      throw new DomainError('forbidden', 'admin-required', message);
    }
    const { layer, baseVersion, comment } = body;
    checkLayer(layer);
    const author = { organisationId: actor.organisationId, name: actorName(actor) };
    const saved = await this.repository.save(author, { scope, id, layer, baseVersion, comment }, checkAll);
    const of = scope === 'organisation' ? { organisationId: id } : scope === 'group' ? { groupId: id } : { ids: [id] };
    // The layer is saved, whatever becomes of this.
    const issued = this.issuer.issueChangedSometime(
      of,
      `${scope} policy, version ${saved.version}, saved by ${author.name}`,
    );
    await Promise.race([issued, after(PATIENCE_MS, undefined, { ref: false })]);
    return saved;
  }

  /** @throws DomainError `vehicle-unknown` */
  async vehiclePolicy(actor: OperatorActor, vehicleId: string): Promise<VehiclePolicy> {
    await this.fleet.vehicle(vehicleId, actor.organisationId);
    const { target, applied } = this.states.statusOf(vehicleId);
    const [wanted, inForce] = await Promise.all([
      target > 0 ? this.repository.issued(vehicleId, target) : null,
      applied > 0 ? this.repository.issued(vehicleId, applied) : null,
    ]);
    const setBy: Record<string, PolicySource> = wanted?.setBy ?? {};
    return { target: wanted && shown(wanted), applied: inForce && shown(inForce), setBy };
  }

  /** @throws DomainError `vehicle-unknown` */
  async vehicleHistory(actor: OperatorActor, vehicleId: string, query: PageQuery): Promise<Page<IssuedPolicy>> {
    await this.fleet.vehicle(vehicleId, actor.organisationId);
    const { before, limit } = window(query);
    return pageOf((await this.repository.issuedHistory(vehicleId, before, limit + 1)).map(shown), limit);
  }

  /** Issues the same content under a new version. @throws DomainError `vehicle-unknown`, `device-missing` */
  async reissue(actor: OperatorActor, vehicleId: string): Promise<IssuedPolicy> {
    await this.fleet.vehicle(vehicleId, actor.organisationId);
    const author = { organisationId: actor.organisationId, name: actorName(actor) };
    const why = `issued again by ${author.name}`;
    if (!(await this.issuer.issue(vehicleId, { why, force: true, author }))) {
      throw new DomainError(
        'conflict',
        'device-missing',
        'The vehicle has no active device that could follow a policy.',
      );
    }
    return shown((await this.repository.issued(vehicleId, this.states.statusOf(vehicleId).target))!);
  }
}

/** A layer may be right by itself and too much together with the others. */
function checkAll(vehicles: readonly VehicleLayers[]): void {
  const seen = new Set<string>();
  for (const { vehicleId, layers } of vehicles) {
    const { content, digest } = effectiveOf(layers);
    if (!seen.has(digest)) checkContent(content, `together with the other layers of vehicle ${vehicleId}`);
    seen.add(digest);
  }
}

function shown({ setBy: _, ...issued }: IssuedRecord): IssuedPolicy {
  return issued;
}

/** Cursors of histories are version numbers: pages stay right while new versions come. */
function window({ cursor, limit }: PageQuery): { before: number | undefined; limit: number } {
  if (cursor !== undefined && !/^[1-9]\d{0,9}$/.test(cursor)) {
    throw new DomainError('invalid', 'cursor-invalid', 'cursor: expected the nextCursor of the page before');
  }
  return { before: cursor === undefined ? undefined : Number(cursor), limit };
}

function pageOf<T extends { version: number }>(rows: readonly T[], limit: number): Page<T> {
  const items = rows.slice(0, limit);
  return { items, nextCursor: rows.length > limit ? String(items.at(-1)!.version) : null };
}
