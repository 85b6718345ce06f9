import type { LiveVehicle, Uplink } from '@corridor/contracts';
import { type FormEvent, useState } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction } from '../../api/use-resource.js';
import { useMay } from '../../app/session.js';
import { formatBytes } from '../../format/units.js';
import { uplinkOf } from '../../live/shown.js';
import { Button, IconButton, TextField } from '../../ui/controls.js';
import { Dialog, Empty, Notice } from '../../ui/feedback.js';

/** What people know about each uplink; those that the vehicle reports are in the list by themselves. */
export function UplinksCard({ vehicle }: { readonly vehicle: LiveVehicle }) {
  const may = useMay();
  const [editing, setEditing] = useState<{ readonly name: string; readonly uplink: Uplink | null } | null>(null);
  const { error, run } = useAction();
  const known = new Map(vehicle.uplinks.map((uplink) => [uplink.name, uplink]));
  const names = [...new Set([...known.keys(), ...vehicle.status.links.map(({ name }) => uplinkOf(name))])].sort();
  return (
    <section className="panel panel-wide" aria-labelledby="uplinks-card">
      <header className="panel-head">
        <h2 id="uplinks-card">Uplinks</h2>
        {may('fleet:write') && (
          <Button small icon="plus" onClick={() => setEditing({ name: '', uplink: null })}>
            Add
          </Button>
        )}
      </header>
      {error !== null && <Notice kind="error">{error}</Notice>}
      {names.length === 0 ? (
        <Empty icon="link" title="No uplinks yet.">
          They appear by themselves when the vehicle reports them.
        </Empty>
      ) : (
        <div className="table-scroll">
          <table className="table">
            <thead>
              <tr>
                <th>Interface</th>
                <th>Operator</th>
                <th>Label</th>
                <th>SIM (ICCID)</th>
                <th className="number">Monthly cap</th>
                <th>
                  <span className="visually-hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {names.map((name) => {
                const uplink = known.get(name) ?? null;
                return (
                  <tr key={name}>
                    <td className="mono">{name}</td>
                    <td>{uplink?.operator || '–'}</td>
                    <td>{uplink?.label || '–'}</td>
                    <td className="mono">{uplink?.iccid ?? '–'}</td>
                    <td className="number">
                      {uplink?.monthlyCapBytes == null ? 'none' : formatBytes(uplink.monthlyCapBytes)}
                    </td>
                    <td className="actions">
                      {may('fleet:write') && (
                        <>
                          <IconButton
                            icon="edit"
                            label={`Edit uplink ${name}`}
                            onClick={() => setEditing({ name, uplink })}
                          />
                          {uplink !== null && (
                            <IconButton
                              icon="trash"
                              label={`Forget uplink ${name}`}
                              onClick={() => void run(() => gateway.deleteUplink(vehicle.id, name))}
                            />
                          )}
                        </>
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
      {editing !== null && (
        <EditUplink
          vehicleId={vehicle.id}
          name={editing.name}
          uplink={editing.uplink}
          onClose={() => setEditing(null)}
        />
      )}
    </section>
  );
}

const GB = 1e9;

function EditUplink({
  vehicleId,
  name,
  uplink,
  onClose,
}: {
  readonly vehicleId: string;
  readonly name: string;
  readonly uplink: Uplink | null;
  readonly onClose: () => void;
}) {
  const { busy, error, run } = useAction();
  const [form, setForm] = useState({
    name,
    operator: uplink?.operator ?? '',
    label: uplink?.label ?? '',
    iccid: uplink?.iccid ?? '',
    cap: uplink?.monthlyCapBytes == null ? '' : String(uplink.monthlyCapBytes / GB),
  });
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  async function save(event: FormEvent) {
    event.preventDefault();
    const body = {
      operator: form.operator,
      label: form.label,
      iccid: form.iccid.trim() || null,
      monthlyCapBytes: form.cap.trim() === '' ? null : Math.round(Number(form.cap) * GB),
    };
    if (await run(() => gateway.putUplink(vehicleId, form.name.trim(), body))) onClose();
  }
  return (
    <Dialog title={name === '' ? 'Add an uplink' : `Uplink ${name}`} onClose={onClose}>
      <form className="form" onSubmit={(event) => void save(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        {name === '' && (
          <TextField
            label="Interface"
            required
            hint="As Linux names it in the vehicle, such as wwan0"
            value={form.name}
            onChange={(event) => set({ name: event.target.value })}
          />
        )}
        <TextField
          label="Operator"
          hint="Such as Telekom"
          value={form.operator}
          onChange={(event) => set({ operator: event.target.value })}
        />
        <TextField label="Label" value={form.label} onChange={(event) => set({ label: event.target.value })} />
        <TextField
          label="SIM (ICCID)"
          hint="18 to 20 digits"
          inputMode="numeric"
          value={form.iccid}
          onChange={(event) => set({ iccid: event.target.value })}
        />
        <TextField
          label="Monthly cap in GB"
          hint="Empty: none"
          type="number"
          min="0"
          step="any"
          value={form.cap}
          onChange={(event) => set({ cap: event.target.value })}
        />
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
