/** The fleet of a lab in the gateway's registry: made at the first start through REST, found again at the next. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import {
  ClaimInfo,
  CreatedClaim,
  Group,
  type PolicyLayer,
  PolicyRevision,
  page,
  parseClaim,
  type Session,
  Uplink,
  Vehicle,
  VehiclePolicy,
} from '@corridor/contracts';
import { z } from 'zod';
import { RestClient, RestError } from '../fleet/rest-client.js';
import type { FleetFolders } from './fleet-folders.js';

export const ADMIN = 'admin';

/** What a vehicle of the lab is called and has. */
export interface VehiclePlan {
  readonly name: string;
  /** Networks behind the vehicle, CIDR. */
  readonly networks: readonly string[];
  readonly uplinks: readonly { readonly name: string; readonly label: string; readonly operator: string }[];
}

/** Generated once a data folder; its file is the gateway's CORRIDOR_ADMIN_PASSWORD_FILE. */
export function adminPassword(folders: FleetFolders): string {
  if (!existsSync(folders.passwordFile)) {
    writeFileSync(folders.passwordFile, `${randomBytes(9).toString('base64url')}\n`, { mode: 0o600 });
  }
  return readFileSync(folders.passwordFile, 'utf8').trim();
}

export class FleetRegistry {
  readonly rest: RestClient;
  private session: Session | undefined;
  /** Vehicle ids by slot. */
  private readonly slots: Record<string, string>;

  constructor(private readonly folders: FleetFolders) {
    this.rest = new RestClient(folders.httpSocket);
    this.slots = existsSync(folders.slotsFile)
      ? z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(folders.slotsFile, 'utf8')))
      : {};
  }

  async login(): Promise<void> {
    this.session = await this.rest.login(ADMIN, adminPassword(this.folders));
  }

  /** Id of the vehicle whose agent is enrolled in this slot. */
  vehicleId(slot: number): string | undefined {
    return this.slots[String(slot)];
  }

  slotOf(vehicleId: string): number | undefined {
    const found = Object.entries(this.slots).find(([, id]) => id === vehicleId);
    return found === undefined ? undefined : Number(found[0]);
  }

  /** Notes, for this start and the next ones, that the agent of a slot is this vehicle's. */
  assign(slot: number, vehicleId: string): void {
    this.slots[String(slot)] = vehicleId;
    const fresh = `${this.folders.slotsFile}.new`;
    writeFileSync(fresh, JSON.stringify(this.slots), { mode: 0o600 });
    renameSync(fresh, this.folders.slotsFile);
  }

  /** All vehicles that are not archived. */
  async vehicles(): Promise<readonly Vehicle[]> {
    return (await this.rest.get('/api/v1/vehicles?limit=500', page(Vehicle))).items;
  }

  /** The group of that name, made when there is none. */
  async group(name: string, description: string): Promise<Group> {
    const { items } = await this.rest.get('/api/v1/groups?limit=500', page(Group));
    const found = items.find((group) => group.name === name);
    return found ?? this.rest.call('POST', '/api/v1/groups', Group, { name, description });
  }

  /** A vehicle of that name with its uplinks, and a claim for its agent. */
  async claimFor(plan: VehiclePlan, groupId: string): Promise<{ vehicle: Vehicle; claim: string }> {
    const { name, networks } = plan;
    const found = (await this.vehicles()).find((vehicle) => vehicle.name === name);
    const vehicle = found ?? (await this.rest.call('POST', '/api/v1/vehicles', Vehicle, { name, groupId, networks }));
    for (const { name: link, label, operator } of plan.uplinks) {
      await this.rest.call('PUT', `/api/v1/vehicles/${vehicle.id}/uplinks/${link}`, Uplink, { label, operator });
    }
    const { claim } = await this.rest.call('POST', `/api/v1/vehicles/${vehicle.id}/claims`, CreatedClaim, {});
    return { vehicle, claim };
  }

  /** The vehicle that a claim is for. @throws Error when this gateway did not make it. */
  async vehicleOfClaim(text: string): Promise<string> {
    const claim = parseClaim(text);
    for (const { id } of await this.vehicles()) {
      const { items } = await this.rest.get(`/api/v1/vehicles/${id}/claims`, page(ClaimInfo));
      if (items.some((other) => other.id === claim?.claimId)) return id;
    }
    throw new Error('the gateway does not know this claim');
  }

  /** Saves the organisation's layer, unless somebody has set one before. */
  async setOrganisationPolicy(layer: PolicyLayer): Promise<void> {
    const id = this.session?.organisation.id;
    const path = `/api/v1/policies/organisation/${id}`;
    const { version } = await this.rest.get(path, PolicyRevision);
    if (version > 0) return;
    await this.rest.call('PUT', path, PolicyRevision, { layer, baseVersion: 0, comment: 'as the demo begins' });
  }

  /** Saves a vehicle's layer. */
  async setVehiclePolicy(vehicleId: string, layer: PolicyLayer, comment: string): Promise<void> {
    const path = `/api/v1/policies/vehicle/${vehicleId}`;
    for (;;) {
      const { version } = await this.rest.get(path, PolicyRevision);
      try {
        await this.rest.call('PUT', path, PolicyRevision, { layer, baseVersion: version, comment });
        return;
      } catch (error) {
        // Somebody else saved in between: on top of theirs.
        if (!(error instanceof RestError && error.status === 409)) throw error;
      }
    }
  }

  policy(vehicleId: string): Promise<VehiclePolicy> {
    return this.rest.get(`/api/v1/vehicles/${vehicleId}/policy`, VehiclePolicy);
  }
}
