import { Inject, Injectable } from '@nestjs/common';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

const TABLES = ['metric_frame', 'event'] as const;
type Table = (typeof TABLES)[number];
const DAY_MS = 86_400_000;
/** Any number that nobody else locks by: two gateways must not make the same partition at once. */
const ADVISORY_LOCK = 0x636f7274;
const ATTACHED = /^(metric_frame|event)_(\d{4})(\d{2})(\d{2})$/;

interface Partition {
  readonly table: Table;
  readonly name: string;
  readonly dayMs: number;
  /** A gateway died while it took it away. */
  readonly halfDetached: boolean;
}

/**
 * One partition a day and table, made before it is needed and dropped whole: deleting rows by the million would leave a
 * bloated table behind. Neither step makes anybody wait: a new table is attached (SHARE UPDATE EXCLUSIVE), an old one
 * detached concurrently before it is dropped.
 */
@Injectable()
export class TelemetryPartitions {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Sees to it that rows of that day (UTC) can be written. */
  async ensure(dayMs: number): Promise<void> {
    const day = startOfDay(dayMs);
    const attached = await this.#attached();
    for (const table of TABLES) {
      if (attached.some((partition) => partition.table === table && partition.dayMs === day)) continue;
      await this.prisma.client.$transaction((transaction) => create(transaction, table, day));
    }
  }

  /** Drops every partition whose whole day lies before `beforeMs`; answers their names. */
  async dropBefore(beforeMs: number): Promise<string[]> {
    const old = (await this.#attached()).filter(({ dayMs }) => dayMs + DAY_MS <= beforeMs);
    for (const { table, name, halfDetached } of old) {
      const how = halfDetached ? 'FINALIZE' : 'CONCURRENTLY';
      await this.prisma.client.$executeRawUnsafe(`ALTER TABLE ${table} DETACH PARTITION ${name} ${how}`);
      await this.prisma.client.$executeRawUnsafe(`DROP TABLE ${name}`);
    }
    return [...old.map(({ name }) => name), ...(await this.#dropDetached(beforeMs))];
  }

  /** Tables that were detached by a gateway that died before it dropped them. */
  async #dropDetached(beforeMs: number): Promise<string[]> {
    const rows = await this.prisma.client.$queryRawUnsafe<{ name: string }[]>(DETACHED);
    const old = rows.map(({ name }) => partitionOf(name)).filter((one) => one && one.dayMs + DAY_MS <= beforeMs);
    for (const partition of old) await this.prisma.client.$executeRawUnsafe(`DROP TABLE ${partition!.name}`);
    return old.map((partition) => partition!.name);
  }

  async #attached(): Promise<Partition[]> {
    const rows = await this.prisma.client.$queryRawUnsafe<{ name: string; pending: boolean }[]>(PARTITIONS);
    return rows.flatMap(({ name, pending }) => {
      const partition = partitionOf(name);
      return partition ? [{ ...partition, halfDetached: pending }] : [];
    });
  }
}

/** Midnight (UTC) before or at a moment. */
export function startOfDay(ms: number): number {
  return Math.floor(ms / DAY_MS) * DAY_MS;
}

async function create(transaction: Prisma.TransactionClient, table: Table, dayMs: number): Promise<void> {
  const name = `${table}_${dayText(dayMs).replaceAll('-', '')}`;
  const bounds = `FROM ('${dayText(dayMs)} 00:00:00+00') TO ('${dayText(dayMs + DAY_MS)} 00:00:00+00')`;
  await transaction.$executeRawUnsafe(`SELECT pg_advisory_xact_lock(${ADVISORY_LOCK})`);
  const [found] = await transaction.$queryRawUnsafe<{ attached: boolean }[]>(IS_ATTACHED, name);
  if (found?.attached) return;
  await transaction.$executeRawUnsafe(
    `CREATE TABLE IF NOT EXISTS ${name} (LIKE ${table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE)`,
  );
  await transaction.$executeRawUnsafe(`ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES ${bounds}`);
}

function partitionOf(name: string): Partition | undefined {
  const match = ATTACHED.exec(name);
  if (!match) return undefined;
  const [, table, year, month, day] = match;
  return {
    table: table as Table,
    name,
    dayMs: Date.UTC(Number(year), Number(month) - 1, Number(day)),
    halfDetached: false,
  };
}

/** "2026-11-23" */
function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const PARTITIONS = `
  SELECT child.relname::text AS name, pg_inherits.inhdetachpending AS pending
  FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid JOIN pg_class parent ON parent.oid = inhparent
  WHERE parent.relname IN ('metric_frame', 'event') AND parent.relnamespace = current_schema()::regnamespace
  ORDER BY name`;

const IS_ATTACHED = `
  SELECT EXISTS (
    SELECT 1 FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
    WHERE child.relname = $1 AND child.relnamespace = current_schema()::regnamespace
  ) AS attached`;

const DETACHED = `
  SELECT relname::text AS name FROM pg_class
  WHERE relkind = 'r' AND NOT relispartition AND relnamespace = current_schema()::regnamespace
    AND relname ~ '^(metric_frame|event)_[0-9]{8}$'`;
