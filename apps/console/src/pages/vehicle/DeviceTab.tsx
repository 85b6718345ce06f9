import type { Device, LiveVehicle } from '@corridor/contracts';
import { type FormEvent, useState } from 'react';
import { useLocation } from 'wouter';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { useMay } from '../../app/session.js';
import { Button, Select, TextArea, TextField } from '../../ui/controls.js';
import { Fact, Facts } from '../../ui/facts.js';
import { Dialog, Empty, Notice } from '../../ui/feedback.js';

import { Moment } from '../../ui/status.js';
import { UplinksCard } from './UplinksCard.js';

/** What people know about a vehicle: its names, its uplinks, the device in it. */
export function DeviceTab({ vehicle }: { readonly vehicle: LiveVehicle }) {
  return (
    <div className="cards">
      <VehicleCard vehicle={vehicle} />
      <DeviceCard vehicle={vehicle} />
      <UplinksCard vehicle={vehicle} />
    </div>
  );
}

function VehicleCard({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const [dialog, setDialog] = useState<'edit' | 'archive' | null>(null);
  const may = useMay();
  return (
    <section className="panel" aria-labelledby="vehicle-card">
      <header className="panel-head">
        <h2 id="vehicle-card">Vehicle</h2>
        {may('fleet:write') && (
          <div className="panel-tools">
            <Button small icon="edit" onClick={() => setDialog('edit')}>
              Edit
            </Button>
            <Button small icon="trash" kind="danger" onClick={() => setDialog('archive')}>
              Archive
            </Button>
          </div>
        )}
      </header>
      <Facts>
        <Fact name="Group">{vehicle.group?.name ?? 'none'}</Fact>
        <Fact name="Overlay address">
          <span className="mono">{vehicle.overlayAddresses.join(', ') || 'none'}</span>
        </Fact>
        <Fact name="Networks behind it">
          <span className="mono">{vehicle.networks.join(', ') || 'none'}</span>
        </Fact>
        <Fact name="Created">
          <Moment at={vehicle.createdAt} always="date" />
        </Fact>
        <Fact name="Notes">{vehicle.notes || 'none'}</Fact>
      </Facts>
      {dialog === 'edit' && <EditVehicle vehicle={vehicle} onClose={() => setDialog(null)} />}
      {dialog === 'archive' && <ArchiveVehicle vehicle={vehicle} onClose={() => setDialog(null)} />}
    </section>
  );
}

function EditVehicle({ vehicle, onClose }: { readonly vehicle: LiveVehicle; readonly onClose: () => void }) {
  const groups = useResource('groups', gateway.groups);
  const { busy, error, run } = useAction();
  const [form, setForm] = useState({
    name: vehicle.name,
    groupId: vehicle.group?.id ?? '',
    networks: vehicle.networks.join(', '),
    notes: vehicle.notes,
  });
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  async function save(event: FormEvent) {
    event.preventDefault();
    const networks = form.networks.split(/[\s,]+/).filter(Boolean);
    const body = { name: form.name, groupId: form.groupId || null, networks, notes: form.notes };
    if (await run(() => gateway.updateVehicle(vehicle.id, body))) onClose();
  }
  return (
    <Dialog title={`Edit ${vehicle.name}`} onClose={onClose}>
      <form className="form" onSubmit={(event) => void save(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        <TextField label="Name" required value={form.name} onChange={(event) => set({ name: event.target.value })} />
        <Select label="Group" value={form.groupId} onChange={(event) => set({ groupId: event.target.value })}>
          <option value="">No group</option>
          {groups.data?.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </Select>
        <TextField
          label="Networks behind it"
          hint="CIDR notation, separated by commas, such as 192.168.40.0/24"
          value={form.networks}
          onChange={(event) => set({ networks: event.target.value })}
        />
        <TextArea label="Notes" value={form.notes} onChange={(event) => set({ notes: event.target.value })} />
        <div className="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy}>
            Save
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function ArchiveVehicle({ vehicle, onClose }: { readonly vehicle: LiveVehicle; readonly onClose: () => void }) {
  const { busy, error, run } = useAction();
  const [, navigate] = useLocation();
  return (
    <Dialog title={`Archive ${vehicle.name}?`} onClose={onClose}>
      {error !== null && <Notice kind="error">{error}</Notice>}
      <p>
        It leaves the fleet, and its device loses tunnel, control channel and API within a second. Its history stays.
      </p>
      <div className="form-end">
        <Button onClick={onClose}>Cancel</Button>
        <Button
          kind="danger"
          busy={busy}
          onClick={() => void run(() => gateway.archiveVehicle(vehicle.id)).then((done) => done && navigate('/'))}
        >
          Archive
        </Button>
      </div>
    </Dialog>
  );
}

function DeviceCard({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const { device } = vehicle;
  const may = useMay();
  const [, navigate] = useLocation();
  return (
    <section className="panel" aria-labelledby="device-card">
      <header className="panel-head">
        <h2 id="device-card">Device</h2>
        {device !== null && <span className={`tag tag-${device.state}`}>{device.state}</span>}
      </header>
      {device === null ? (
        <Empty icon="provision" title="No device has enrolled.">
          {may('device:provision') && (
            <Button onClick={() => navigate(`/provisioning?vehicle=${vehicle.id}`)}>Make a claim</Button>
          )}
        </Empty>
      ) : (
        <>
          <DeviceFacts device={device} />
          {may('device:provision') && <DeviceActions device={device} vehicle={vehicle} />}
        </>
      )}
    </section>
  );
}

function DeviceFacts({ device }: { readonly device: Device }) {
  return (
    <Facts>
      <Fact name="Host name">{device.hostname}</Fact>
      <Fact name="Model">{device.model}</Fact>
      <Fact name="Agent">{device.agentVersion}</Fact>
      <Fact name="Enrolled">
        <Moment at={device.enrolledAt} always="date" />
      </Fact>
      <Fact name="Credentials renewed">
        {device.credentialsRenewedAt === null ? 'never' : <Moment at={device.credentialsRenewedAt} always="date" />}
      </Fact>
      {device.revokedAt !== null && (
        <Fact name="Revoked">
          <Moment at={device.revokedAt} always="date" /> {device.revokedReason}
        </Fact>
      )}
      <Fact name="Identity key">
        <span className="mono break">{device.identityKeyThumbprint}</span>
      </Fact>
      <Fact name="Tunnel key">
        <span className="mono break">{device.tunnelPublicKey}</span>
      </Fact>
    </Facts>
  );
}

function DeviceActions({ device, vehicle }: { readonly device: Device; readonly vehicle: LiveVehicle }) {
  const { busy, error, run } = useAction();
  const [revoking, setRevoking] = useState(false);
  const [reason, setReason] = useState('');
  const [, navigate] = useLocation();
  return (
    <div className="panel-foot">
      {error !== null && <Notice kind="error">{error}</Notice>}
      {device.state === 'pending' && (
        <Button
          kind="primary"
          icon="check"
          busy={busy}
          onClick={() => void run(() => gateway.approveDevice(device.id))}
        >
          Approve
        </Button>
      )}
      {device.state !== 'revoked' && (
        <Button kind="danger" icon="block" onClick={() => setRevoking(true)}>
          Revoke device
        </Button>
      )}
      <Button icon="provision" onClick={() => navigate(`/provisioning?vehicle=${vehicle.id}`)}>
        Claim for a replacement
      </Button>
      {revoking && (
        <Dialog title={`Revoke the device of ${vehicle.name}?`} onClose={() => setRevoking(false)}>
          <form
            className="form"
            onSubmit={(event) => {
              event.preventDefault();
              void run(() => gateway.revokeDevice(device.id, reason)).then((done) => done && setRevoking(false));
            }}
          >
            <p>
              Its tunnel, control channel and API access end within a second, and it cannot come back without a new
              claim.
            </p>
            {error !== null && <Notice kind="error">{error}</Notice>}
            <TextField
              label="Reason"
              required
              hint="Stands in the audit log."
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
            <div className="form-end">
              <Button onClick={() => setRevoking(false)}>Cancel</Button>
              <Button kind="danger" type="submit" busy={busy} disabled={reason.trim() === ''}>
                Revoke
              </Button>
            </div>
          </form>
        </Dialog>
      )}
    </div>
  );
}
