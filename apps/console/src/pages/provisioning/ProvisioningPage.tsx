import type { CreatedClaim, LiveVehicle } from '@corridor/contracts';
import { type FormEvent, useMemo, useState } from 'react';
import { Link, useSearchParams } from 'wouter';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { useMay } from '../../app/session.js';
import { useFeed } from '../../live/store.js';
import { Button, Select, TextArea, TextField } from '../../ui/controls.js';
import { Empty, Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';
import { ClaimCard } from './ClaimCard.js';
import { ClaimList } from './ClaimList.js';

const LIFETIMES = [
  [3600, '1 hour'],
  [86_400, '1 day'],
  [7 * 86_400, '7 days'],
  [30 * 86_400, '30 days'],
] as const;

/** From "we have a new ambulance" to its device in the fleet. */
export default function ProvisioningPage() {
  const [params, setParams] = useSearchParams();
  const vehicles = useFeed(({ fleet }) => fleet?.vehicles);
  const chosen = params.get('vehicle');
  const vehicle = chosen === null ? undefined : vehicles?.get(chosen);
  const choose = (id: string | null) => setParams(id === null ? {} : { vehicle: id }, { replace: true });
  if (vehicles === undefined) return <Loading what="the fleet" />;
  return (
    <div className="page">
      <h1>Provisioning</h1>
      <div className="provision">
        <div className="provision-main">
          {chosen === null ? (
            <NewVehicle onCreated={choose} />
          ) : (
            <Enrol key={chosen} vehicle={vehicle} onLeave={() => choose(null)} />
          )}
        </div>
        <div className="provision-side">
          <Approvals vehicles={vehicles} />
          <WithoutDevice vehicles={vehicles} chosen={chosen} onChoose={choose} />
        </div>
      </div>
    </div>
  );
}

function NewVehicle({ onCreated }: { readonly onCreated: (id: string) => void }) {
  const groups = useResource('groups', gateway.groups);
  const may = useMay();
  const { busy, error, run } = useAction();
  const [form, setForm] = useState({ name: '', groupId: '', networks: '', notes: '' });
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  const group = groups.data?.find(({ id }) => id === form.groupId);
  async function create(event: FormEvent) {
    event.preventDefault();
    await run(async () => {
      const networks = form.networks.split(/[\s,]+/).filter(Boolean);
      const made = await gateway.createVehicle({
        name: form.name,
        groupId: form.groupId || null,
        networks,
        notes: form.notes,
      });
      onCreated(made.id);
    });
  }
  if (!may('fleet:write')) return <Empty icon="info" title="Choose a vehicle to enrol a device for it." />;
  return (
    <section className="panel" aria-labelledby="new-vehicle">
      <header className="panel-head">
        <h2 id="new-vehicle">
          <span className="step">1</span> Add a vehicle
        </h2>
      </header>
      <form className="form" onSubmit={(event) => void create(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        <TextField
          label="Name"
          required
          placeholder="Ambulance 4"
          value={form.name}
          onChange={(event) => set({ name: event.target.value })}
        />
        <Select
          label="Group"
          {...(group?.requireApproval ? { hint: 'An operator has to approve devices of this group.' } : {})}
          value={form.groupId}
          onChange={(event) => set({ groupId: event.target.value })}
        >
          <option value="">No group</option>
          {groups.data?.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
        <TextField
          label="Networks behind it"
          placeholder="192.168.40.0/24"
          hint="In CIDR notation, separated by commas; empty when only the Pi itself speaks through the tunnel"
          value={form.networks}
          onChange={(event) => set({ networks: event.target.value })}
        />
        <TextArea label="Notes" rows={2} value={form.notes} onChange={(event) => set({ notes: event.target.value })} />
        <div className="form-end">
          <Button kind="primary" type="submit" busy={busy}>
            Add vehicle
          </Button>
        </div>
      </form>
    </section>
  );
}

/** Makes the claim, shows it once, and follows the device until it is in. */
function Enrol({ vehicle, onLeave }: { readonly vehicle: LiveVehicle | undefined; readonly onLeave: () => void }) {
  const [claim, setClaim] = useState<CreatedClaim | null>(null);
  const [deviceBefore, setDeviceBefore] = useState<string | null>(null);
  const [lifetime, setLifetime] = useState<number>(86_400);
  const { busy, error, run } = useAction();
  if (vehicle === undefined) return <Loading what="the vehicle" />;
  const enrolled = vehicle.device !== null && vehicle.device.id !== deviceBefore ? vehicle.device : null;
  const make = () =>
    run(async () => {
      const before = vehicle.device?.id ?? null;
      setClaim(await gateway.createClaim(vehicle.id, lifetime));
      setDeviceBefore(before);
    });
  return (
    <section className="panel" aria-labelledby="enrol">
      <header className="panel-head">
        <h2 id="enrol">
          <span className="step">2</span> Enrol the device of {vehicle.name}
        </h2>
        <Button small onClick={onLeave}>
          Another vehicle
        </Button>
      </header>
      {error !== null && <Notice kind="error">{error}</Notice>}
      {claim === null ? (
        <div className="form">
          <p>
            A claim lets one Pi enrol as {vehicle.name}, once. You will see it as QR code and as a command to run on the
            Pi.
          </p>
          {vehicle.device !== null && vehicle.device.state !== 'revoked' && (
            <Notice kind="info">
              {vehicle.name} has a device already ({vehicle.device.hostname}, {vehicle.device.state}).
            </Notice>
          )}
          <Select
            label="Good for"
            value={String(lifetime)}
            onChange={(event) => setLifetime(Number(event.target.value))}
          >
            {LIFETIMES.map(([seconds, words]) => (
              <option key={seconds} value={seconds}>
                {words}
              </option>
            ))}
          </Select>
          <div className="form-end">
            <Button kind="primary" icon="provision" busy={busy} onClick={() => void make()}>
              Make a claim
            </Button>
          </div>
        </div>
      ) : (
        <ClaimCard claim={claim} vehicle={vehicle} enrolled={enrolled} onAgain={() => void make()} />
      )}
      <ClaimList vehicleId={vehicle.id} newest={claim?.id ?? null} deviceState={vehicle.device?.state ?? null} />
    </section>
  );
}

function Approvals({ vehicles }: { readonly vehicles: ReadonlyMap<string, LiveVehicle> }) {
  const pending = useMemo(() => [...vehicles.values()].filter(({ device }) => device?.state === 'pending'), [vehicles]);
  const { busy, error, run } = useAction();
  return (
    <section className="panel" aria-labelledby="approvals">
      <header className="panel-head">
        <h2 id="approvals">Waiting for approval</h2>
        <span className="count">{pending.length}</span>
      </header>
      {error !== null && <Notice kind="error">{error}</Notice>}
      <ul className="rows" aria-live="polite">
        {pending.map(
          ({ id, name, device }) =>
            device !== null && (
              <li key={id} className="row">
                <div>
                  <Link href={`/vehicles/${id}?tab=device`}>{name}</Link>
                  <p className="quiet">
                    {device.hostname}, {device.model}, <Moment at={device.enrolledAt} />
                  </p>
                  <p className="quiet mono break">{device.identityKeyThumbprint}</p>
                </div>
                <Button
                  kind="primary"
                  small
                  icon="check"
                  busy={busy}
                  aria-label={`Approve ${name}`}
                  onClick={() => void run(() => gateway.approveDevice(device.id))}
                >
                  Approve
                </Button>
              </li>
            ),
        )}
      </ul>
      {pending.length === 0 && (
        <p className="quiet panel-quiet">
          Nobody waits. A device that enrols in a group with approval appears here at once.
        </p>
      )}
    </section>
  );
}

function WithoutDevice({
  vehicles,
  chosen,
  onChoose,
}: {
  readonly vehicles: ReadonlyMap<string, LiveVehicle>;
  readonly chosen: string | null;
  readonly onChoose: (id: string) => void;
}) {
  const without = useMemo(
    () =>
      [...vehicles.values()]
        .filter(({ device }) => device === null || device.state === 'revoked')
        .sort((a, b) => a.name.localeCompare(b.name)),
    [vehicles],
  );
  return (
    <section className="panel" aria-labelledby="without-device">
      <header className="panel-head">
        <h2 id="without-device">Vehicles without a device</h2>
        <span className="count">{without.length}</span>
      </header>
      <ul className="rows rows-long">
        {without.map(({ id, name, group, device }) => (
          <li key={id} className={id === chosen ? 'row row-on' : 'row'}>
            <div>
              <Link href={`/vehicles/${id}?tab=device`}>{name}</Link>
              <p className="quiet">
                {group?.name ?? 'No group'}
                {device?.state === 'revoked' && ', device revoked'}
              </p>
            </div>
            <Button small aria-label={`Enrol a device for ${name}`} onClick={() => onChoose(id)}>
              Enrol
            </Button>
          </li>
        ))}
      </ul>
      {without.length === 0 && <p className="quiet panel-quiet">Every vehicle has its device.</p>}
    </section>
  );
}
