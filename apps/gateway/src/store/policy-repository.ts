import {
  type IssuedPolicy,
  type PolicyContent,
  PolicyLayer,
  type PolicyRevision,
  type PolicySource,
  type PolicyState,
} from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type Author, writeAudit } from './audit-writer.js';
import type { Prisma } from './generated/client.js';
import type { IssuedPolicyModel, PolicyRevisionModel } from './generated/models.js';
import { PrismaService } from './prisma.service.js';

/** Whose layers can be saved. */
export type LayerScope = 'organisation' | 'group' | 'vehicle';

export interface SavedLayer {
  readonly scope: LayerScope;
  readonly id: string;
  readonly version: number;
  readonly layer: PolicyLayer;
}

/** The three layers that bear on a vehicle; those that were never saved are missing. Lowest first. */
export interface VehicleLayers {
  readonly vehicleId: string;
  readonly layers: readonly SavedLayer[];
}

/** The newest version of a vehicle's policy, as memory holds it. */
export interface CurrentPolicy {
  readonly vehicleId: string;
  readonly version: number;
  readonly digest: string;
  readonly jws: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly state: PolicyState;
  readonly reason: string;
  /** When the vehicle last said something about it; null: never. */
  readonly answeredAt: Date | null;
}

/** Where a vehicle stands in the fleet: whose layers bear on it. */
interface VehiclePlace {
  readonly id: string;
  readonly groupId: string | null;
  readonly organisationId: string;
}

/** What was issued to a vehicle last. */
interface Latest {
  readonly version: number;
  readonly digest: string | null;
}

/** What a vehicle last said is in force. */
export interface InForce {
  readonly vehicleId: string;
  readonly version: number;
  /** null for a version that this gateway does not know. */
  readonly digest: string | null;
}

export interface NewIssue {
  readonly digest: string;
  readonly policy: PolicyContent;
  readonly sources: readonly PolicySource[];
  readonly setBy: Readonly<Record<string, PolicySource>>;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** What happens inside the transaction that allocates a version. */
export interface IssueTransaction {
  /** The new version is higher than this: what the vehicle has, where that is more than we know of. */
  readonly atLeast: number;
  /** Who ordered it, for the audit log; undefined: nobody, it follows from a change. */
  readonly author: Author | undefined;
  /** undefined: nothing to issue. */
  readonly decide: (vehicle: VehicleLayers, latestDigest: string | null) => NewIssue | undefined;
  readonly sign: (vehicleId: string, version: number, issue: NewIssue) => Promise<string>;
}

/** What a vehicle said of a version. */
export interface Answer {
  readonly state: PolicyState;
  readonly reason: string;
  readonly inForce: number;
  readonly at: Date;
  readonly settled: boolean;
}

export interface IssuedRecord extends IssuedPolicy {
  readonly setBy: Record<string, PolicySource>;
}

/** Longer than Prisma's: on a busy machine a transaction that is given up has to be made again. */
const TRANSACTION = { maxWait: 5_000, timeout: 15_000 };

/** Layers of policies and what was issued of them. */
@Injectable()
export class PolicyRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** The newest layer of a scope, or an empty one in version 0. @throws DomainError `scope-unknown` */
  async layer(scope: LayerScope, id: string, organisationId: string): Promise<PolicyRevision> {
    const createdAt = await scopeCreated(this.prisma.client, scope, id, organisationId);
    const row = await this.prisma.client.policyRevision.findFirst({
      where: { scope, scopeId: id },
      orderBy: { version: 'desc' },
    });
    return row === null ? neverSaved(scope, id, createdAt) : revisionOf(row);
  }

  /** The newest first, older than `before`. @throws DomainError `scope-unknown` */
  async layerHistory(
    scope: LayerScope,
    id: string,
    organisationId: string,
    before: number | undefined,
    limit: number,
  ): Promise<PolicyRevision[]> {
    await scopeCreated(this.prisma.client, scope, id, organisationId);
    const rows = await this.prisma.client.policyRevision.findMany({
      where: { scope, scopeId: id, ...(before === undefined ? {} : { version: { lt: before } }) },
      orderBy: { version: 'desc' },
      take: limit,
    });
    return rows.map(revisionOf);
  }

  /**
   * Saves version `baseVersion` + 1 of a layer. Saves within an organisation happen one after the other, so that `check`
   * sees every layer as it will be.
   * @param check sees the layers of every vehicle that the change bears on; what it throws undoes the save
   * @throws DomainError `scope-unknown`, `policy-changed` when somebody else saved first
   */
  save(
    author: Author,
    save: { scope: LayerScope; id: string; layer: PolicyLayer; baseVersion: number; comment: string },
    check: (vehicles: readonly VehicleLayers[]) => void,
  ): Promise<PolicyRevision> {
    const { scope, id, layer, baseVersion, comment } = save;
    return this.prisma.client.$transaction(async (tx) => {
      await tx.$queryRaw`
        SELECT 1 FROM organisation WHERE id = ${author.organisationId}::uuid FOR NO KEY UPDATE`;
      await scopeCreated(tx, scope, id, author.organisationId);
      const { _max } = await tx.policyRevision.aggregate({ where: { scope, scopeId: id }, _max: { version: true } });
      const latest = _max.version ?? 0;
      if (latest !== baseVersion) throw layerChanged(baseVersion, latest);
      const row = await tx.policyRevision.create({
        data: { scope, scopeId: id, version: latest + 1, layer: json(layer), comment, author: author.name },
      });
      check(
        await layersOf(tx, {
          organisationId: author.organisationId,
          ...(scope === 'group' && { groupId: id }),
          ...(scope === 'vehicle' && { id }),
        }),
      );
      const detail = { version: row.version, comment, layer };
      await writeAudit(tx, author, { action: 'policy.saved', target: `${scope}:${id}`, detail });
      return revisionOf(row);
    }, TRANSACTION);
  }

  /** Layers of vehicles that are not archived: of these, of those of a group or organisation, or of all. */
  vehicleLayers(
    of: { ids?: readonly string[]; groupId?: string; organisationId?: string } = {},
  ): Promise<VehicleLayers[]> {
    const { ids, ...rest } = of;
    return layersOf(this.prisma.client, { ...rest, ...(ids !== undefined && { id: { in: [...ids] } }) });
  }

  /**
   * Issues the next version to each of these vehicles: numbers, documents and signatures become visible in one commit, so
   * that a number that anybody has seen can never be given out again, however the gateway ends.
   * @returns what was issued; vehicles for which `decide` found nothing, or which are gone, are missing
   */
  issue(vehicleIds: readonly string[], order: IssueTransaction): Promise<CurrentPolicy[]> {
    return this.prisma.client.$transaction(async (tx) => {
      // In one order everywhere, or two transactions would wait for each other.
      const vehicles = await tx.$queryRaw<(VehiclePlace & { version: number })[]>`
        SELECT id, group_id AS "groupId", organisation_id AS "organisationId", policy_version AS version
        FROM vehicle WHERE id = ANY (${[...vehicleIds]}::uuid[]) AND archived_at IS NULL
        ORDER BY id FOR NO KEY UPDATE`;
      // A statement of its own: one that had to wait for the lock would still see the table as it was before that.
      const digests = await latestDigests(tx, vehicles);
      const latest = new Map(vehicles.map(({ id, version }) => [id, { version, digest: digests.get(id) ?? null }]));
      const layers = await layersOfPlaces(tx, vehicles);
      const rows = await Promise.all(layers.map((each) => next(each, latest.get(each.vehicleId)!, order)));
      const issued = rows.filter((row) => row !== undefined);
      if (issued.length === 0) return [];
      await tx.$executeRaw`
        UPDATE vehicle SET policy_version = issued.version
        FROM unnest(${issued.map(({ vehicleId }) => vehicleId)}::uuid[], ${issued.map(({ version }) => version)}::int[])
          AS issued (id, version)
        WHERE vehicle.id = issued.id`;
      await tx.issuedPolicy.createMany({ data: issued });
      for (const { vehicleId, version } of order.author === undefined ? [] : issued) {
        const note = { action: 'policy.reissued', target: `vehicle:${vehicleId}`, detail: { version } };
        await writeAudit(tx, order.author!, note);
      }
      return issued.map((row) => ({ ...row, state: 'pending', reason: '', answeredAt: null }));
    }, TRANSACTION);
  }

  /** Notes what a vehicle said of a version; one that we never issued is ignored. */
  async answer(vehicleId: string, version: number, answer: Answer): Promise<void> {
    const { state, reason, inForce, at, settled } = answer;
    if (state === 'none') return;
    await this.prisma.client.$executeRaw`
      UPDATE issued_policy
      SET state = ${state}::"PolicyState", reason = ${reason}, in_force = ${inForce},
          received_at = coalesce(received_at, ${at}), settled_at = CASE WHEN ${settled} THEN ${at} ELSE settled_at END
      WHERE vehicle_id = ${vehicleId}::uuid AND version = ${version}`;
  }

  /** The newest version of each vehicle that is not archived. */
  async current(): Promise<CurrentPolicy[]> {
    return this.prisma.client.$queryRaw<CurrentPolicy[]>`
      SELECT issued.vehicle_id AS "vehicleId", version, digest, jws, issued_at AS "issuedAt", expires_at AS "expiresAt",
             state::text, reason, coalesce(settled_at, received_at) AS "answeredAt"
      FROM issued_policy AS issued
      JOIN vehicle ON vehicle.id = issued.vehicle_id AND vehicle.policy_version = issued.version
      WHERE vehicle.archived_at IS NULL`;
  }

  /** What each vehicle last said is in force. */
  async inForce(): Promise<InForce[]> {
    return this.prisma.client.$queryRaw<InForce[]>`
      SELECT said.vehicle_id AS "vehicleId", said.in_force AS version, known.digest
      FROM (SELECT DISTINCT ON (vehicle_id) vehicle_id, in_force FROM issued_policy WHERE in_force IS NOT NULL
            ORDER BY vehicle_id, greatest(received_at, settled_at) DESC, version DESC) AS said
      LEFT JOIN issued_policy AS known ON known.vehicle_id = said.vehicle_id AND known.version = said.in_force`;
  }

  async digest(vehicleId: string, version: number): Promise<string | null> {
    const where = { vehicleId_version: { vehicleId, version } };
    return (await this.prisma.client.issuedPolicy.findUnique({ where, select: { digest: true } }))?.digest ?? null;
  }

  async issued(vehicleId: string, version: number): Promise<IssuedRecord | null> {
    const where = { vehicleId_version: { vehicleId, version } };
    const row = await this.prisma.client.issuedPolicy.findUnique({ where });
    return row === null ? null : issuedOf(row);
  }

  /** The newest first, older than `before`. */
  async issuedHistory(vehicleId: string, before: number | undefined, limit: number): Promise<IssuedRecord[]> {
    const rows = await this.prisma.client.issuedPolicy.findMany({
      where: { vehicleId, ...(before === undefined ? {} : { version: { lt: before } }) },
      orderBy: { version: 'desc' },
      take: limit,
    });
    return rows.map(issuedOf);
  }
}

async function latestDigests(
  tx: Prisma.TransactionClient,
  vehicles: readonly { id: string; version: number }[],
): Promise<Map<string, string>> {
  const rows = await tx.$queryRaw<{ id: string; digest: string }[]>`
    SELECT vehicle_id AS id, digest FROM issued_policy
    JOIN unnest(${vehicles.map(({ id }) => id)}::uuid[], ${vehicles.map(({ version }) => version)}::int[])
      AS latest (id, number) ON vehicle_id = latest.id AND version = latest.number`;
  return new Map(rows.map(({ id, digest }) => [id, digest]));
}

async function next(vehicle: VehicleLayers, latest: Latest, { atLeast, decide, sign }: IssueTransaction) {
  const issue = decide(vehicle, latest.digest);
  if (issue === undefined) return undefined;
  const { vehicleId } = vehicle;
  const version = Math.max(latest.version, atLeast) + 1;
  const { policy, sources, setBy, ...rest } = issue;
  const documents = { policy: json(policy), sources: json(sources), setBy: json(setBy) };
  return { vehicleId, version, jws: await sign(vehicleId, version, issue), ...rest, ...documents };
}

/** When it was created. @throws DomainError `scope-unknown` for what is not in the organisation */
async function scopeCreated(
  tx: Prisma.TransactionClient,
  scope: LayerScope,
  id: string,
  organisationId: string,
): Promise<Date> {
  const select = { createdAt: true } as const;
  const found =
    scope === 'organisation'
      ? id === organisationId && (await tx.organisation.findUnique({ where: { id }, select }))
      : scope === 'group'
        ? await tx.group.findFirst({ where: { id, organisationId }, select })
        : await tx.vehicle.findFirst({ where: { id, organisationId, archivedAt: null }, select });
  if (!found) throw new DomainError('not-found', 'scope-unknown', `There is no such ${scope}.`);
  return found.createdAt;
}

async function layersOf(tx: Prisma.TransactionClient, where: Prisma.VehicleWhereInput): Promise<VehicleLayers[]> {
  const vehicles = await tx.vehicle.findMany({
    where: { ...where, archivedAt: null },
    select: { id: true, groupId: true, organisationId: true },
  });
  return layersOfPlaces(tx, vehicles);
}

async function layersOfPlaces(
  tx: Prisma.TransactionClient,
  vehicles: readonly VehiclePlace[],
): Promise<VehicleLayers[]> {
  const ids = vehicles.flatMap(({ id, groupId, organisationId }) => [id, organisationId, groupId ?? id]);
  const rows = await tx.$queryRaw<SavedLayer[]>`
    SELECT DISTINCT ON (scope, scope_id) scope::text, scope_id AS id, version, layer
    FROM policy_revision WHERE scope_id = ANY (${[...new Set(ids)]}::uuid[])
    ORDER BY scope, scope_id, version DESC`;
  const saved = new Map(rows.map((row) => [row.id, { ...row, layer: PolicyLayer.parse(row.layer) }]));
  return vehicles.map(({ id, groupId, organisationId }) => ({
    vehicleId: id,
    layers: [organisationId, groupId, id].flatMap((each) => (each === null ? [] : (saved.get(each) ?? []))),
  }));
}

function savedOf({ scope, scopeId, version, layer }: PolicyRevisionModel): SavedLayer {
  return { scope, id: scopeId, version, layer: PolicyLayer.parse(layer) };
}

function revisionOf(row: PolicyRevisionModel): PolicyRevision {
  const { comment, author, createdAt } = row;
  return { ...savedOf(row), comment, author, createdAt: createdAt.toISOString() };
}

function neverSaved(scope: LayerScope, id: string, createdAt: Date): PolicyRevision {
  const layer: PolicyLayer = { kind: 'policy-layer', v: 1, classes: [], without: [] };
  return { scope, id, version: 0, layer, comment: '', author: '', createdAt: createdAt.toISOString() };
}

function issuedOf(row: IssuedPolicyModel): IssuedRecord {
  const { vehicleId, version, digest, state, reason } = row;
  return {
    vehicleId,
    version,
    digest,
    policy: row.policy as unknown as PolicyContent,
    sources: row.sources as unknown as PolicySource[],
    setBy: row.setBy as unknown as Record<string, PolicySource>,
    issuedAt: row.issuedAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    state,
    reason,
    receivedAt: row.receivedAt?.toISOString() ?? null,
    settledAt: row.settledAt?.toISOString() ?? null,
  };
}

function layerChanged(base: number, latest: number): DomainError {
  return new DomainError(
    'conflict',
    'policy-changed',
    `Version ${latest} of this policy has been saved meanwhile; your change was based on version ${base}.`,
  );
}

function json(value: unknown): Prisma.InputJsonValue {
  return value as Prisma.InputJsonValue;
}
