/**
 * What the gateway has confirmed as committed, kept outside of it: groups, policies saved and issued, events. After each
 * crash everything must still be there, and unchanged. A policy version that comes back with another content was reused.
 */
import { Group, IssuedPolicy, PolicyRevision, page, RecordedEvent } from '@corridor/contracts';
import type { FleetRegistry } from '../runner/fleet-registry.js';

const STRATEGIES = ['active-standby', 'smallest-delay', 'redundant'] as const;

export class Evidence {
  private readonly groups = new Map<string, string>();
  /** `vehicle/version` -> digest. */
  private readonly issued = new Map<string, string>();
  /** `vehicle/version` of the saved layers -> strategy. */
  private readonly saved = new Map<string, string>();
  private readonly events = new Set<string>();
  private turn = 0;

  constructor(
    private readonly registry: FleetRegistry,
    private readonly vehicleIds: readonly string[],
  ) {}

  get rows(): number {
    return this.groups.size + this.issued.size + this.saved.size + this.events.size;
  }

  /** Writes until the gateway stops answering; only what it confirmed counts. */
  async writeUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.writeOnce();
      } catch {
        // Being killed is what it is there for: what was not confirmed may be there or not.
        return;
      }
    }
  }

  /** @throws Error naming the first row that is gone or changed. */
  async check(): Promise<void> {
    const groups = new Map((await this.all('/api/v1/groups', Group)).map(({ id, name }) => [id, name]));
    for (const [id, name] of this.groups) {
      if (groups.get(id) !== name) throw new Error(`the group "${name}" (${id}) was confirmed and is gone`);
    }
    for (const vehicleId of this.vehicleIds) await this.checkVehicle(vehicleId);
  }

  private async writeOnce(): Promise<void> {
    const { rest } = this.registry;
    const turn = ++this.turn;
    const { id, name } = await rest.call('POST', '/api/v1/groups', Group, { name: `group ${turn} ${Date.now()}` });
    this.groups.set(id, name);
    const vehicleId = this.vehicleIds[turn % this.vehicleIds.length] as string;
    const path = `/api/v1/policies/vehicle/${vehicleId}`;
    const { version: baseVersion } = await rest.get(path, PolicyRevision);
    const strategy = STRATEGIES[turn % STRATEGIES.length] as string;
    const layer = { kind: 'policy-layer', v: 1, default: { strategy }, classes: [], without: [] };
    const { version } = await rest.call('PUT', path, PolicyRevision, { layer, baseVersion });
    this.saved.set(`${vehicleId}/${version}`, strategy);
  }

  private async checkVehicle(vehicleId: string): Promise<void> {
    const saved = await this.all(`/api/v1/policies/vehicle/${vehicleId}/history`, PolicyRevision);
    for (const [key, strategy] of this.saved) {
      const [id, version] = key.split('/');
      if (id !== vehicleId) continue;
      const found = saved.find((revision) => revision.version === Number(version));
      if (found?.layer.default?.strategy !== strategy) {
        throw new Error(
          `version ${version} of the policy of ${id} said "${strategy}" and now "${found?.layer.default?.strategy}"`,
        );
      }
    }
    for (const { version, digest } of await this.all(`/api/v1/vehicles/${vehicleId}/policy/history`, IssuedPolicy)) {
      const key = `${vehicleId}/${version}`;
      const before = this.issued.get(key);
      if (before !== undefined && before !== digest) throw new Error(`policy version ${key} was issued twice`);
      this.issued.set(key, digest);
    }
    const events = new Set(
      (await this.all(`/api/v1/events?vehicleId=${vehicleId}`, RecordedEvent)).map(({ id }) => id),
    );
    for (const key of this.events) {
      const [id, event] = key.split('/');
      if (id === vehicleId && !events.has(event as string)) throw new Error(`event ${event} was shown and is gone`);
    }
    for (const event of events) this.events.add(`${vehicleId}/${event}`);
  }

  /** Every page of a list. */
  private async all<T>(path: string, item: Parameters<typeof page<import('zod').ZodType<T>>>[0]): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const more: string = `${path.includes('?') ? '&' : '?'}limit=500${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
      const answer = await this.registry.rest.get(`${path}${more}`, page(item));
      items.push(...(answer.items as T[]));
      cursor = answer.nextCursor;
    } while (cursor !== null);
    return items;
  }
}
