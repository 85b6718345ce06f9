import type { Group } from '@corridor/contracts';
import { type FormEvent, useState } from 'react';
import { Link } from 'wouter';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { useMay, useSession } from '../../app/session.js';
import { Button, Checkbox, IconButton, TextArea, TextField } from '../../ui/controls.js';
import { Dialog, Empty, Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';

type Open =
  | { readonly is: 'edit'; readonly group: Group | null }
  | { readonly is: 'delete'; readonly group: Group }
  | { readonly is: 'organisation' };

export default function GroupsPage() {
  const may = useMay();
  const session = useSession();
  const groups = useResource('groups', gateway.groups);
  const organisation = useResource('organisation', gateway.organisation);
  const [open, setOpen] = useState<Open | null>(null);
  const done = () => {
    setOpen(null);
    groups.reload();
    organisation.reload();
  };
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>Groups</h1>
          <p className="quiet">
            of {organisation.data?.name ?? session.organisation.name}
            {may('fleet:write') && (
              <IconButton
                icon="edit"
                small
                label="Rename the organisation"
                onClick={() => setOpen({ is: 'organisation' })}
              />
            )}
          </p>
        </div>
        {may('fleet:write') && (
          <Button kind="primary" icon="plus" onClick={() => setOpen({ is: 'edit', group: null })}>
            Add group
          </Button>
        )}
      </div>
      {groups.error !== null && <Notice kind="error">{groups.error}</Notice>}
      {groups.data === null && groups.loading && <Loading what="the groups" />}
      {groups.data?.length === 0 && (
        <Empty icon="groups" title="There are no groups yet.">
          Vehicles of a group share a layer of the policy.
        </Empty>
      )}
      {groups.data !== null && groups.data.length > 0 && (
        <section className="panel">
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>Description</th>
                  <th className="number">Vehicles</th>
                  <th>New devices</th>
                  <th>Created</th>
                  <th>
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {groups.data.map((group) => (
                  <tr key={group.id}>
                    <th scope="row">
                      <Link href={`/?group=${group.id}`}>{group.name}</Link>
                    </th>
                    <td className="wrap">{group.description || '–'}</td>
                    <td className="number">{group.vehicleCount}</td>
                    <td>{group.requireApproval ? 'need approval' : 'enter at once'}</td>
                    <td>
                      <Moment at={group.createdAt} always="date" />
                    </td>
                    <td className="actions">
                      {may('fleet:write') && (
                        <>
                          <IconButton
                            icon="edit"
                            label={`Edit ${group.name}`}
                            onClick={() => setOpen({ is: 'edit', group })}
                          />
                          <IconButton
                            icon="trash"
                            label={`Delete ${group.name}`}
                            onClick={() => setOpen({ is: 'delete', group })}
                          />
                        </>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {open?.is === 'edit' && <EditGroup group={open.group} onClose={() => setOpen(null)} onDone={done} />}
      {open?.is === 'delete' && <DeleteGroup group={open.group} onClose={() => setOpen(null)} onDone={done} />}
      {open?.is === 'organisation' && (
        <Rename name={organisation.data?.name ?? ''} onClose={() => setOpen(null)} onDone={done} />
      )}
    </div>
  );
}

interface DialogProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

function EditGroup({ group, onClose, onDone }: DialogProps & { readonly group: Group | null }) {
  const { busy, error, run } = useAction();
  const [form, setForm] = useState({
    name: group?.name ?? '',
    description: group?.description ?? '',
    requireApproval: group?.requireApproval ?? false,
  });
  async function save(event: FormEvent) {
    event.preventDefault();
    if (await run(() => (group === null ? gateway.createGroup(form) : gateway.updateGroup(group.id, form)))) onDone();
  }
  return (
    <Dialog title={group === null ? 'Add a group' : `Edit ${group.name}`} onClose={onClose}>
      <form className="form" onSubmit={(event) => void save(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        <TextField
          label="Name"
          required
          value={form.name}
          onChange={(event) => setForm({ ...form, name: event.target.value })}
        />
        <TextArea
          label="Description"
          value={form.description}
          onChange={(event) => setForm({ ...form, description: event.target.value })}
        />
        <Checkbox
          label="An operator has to approve new devices"
          checked={form.requireApproval}
          onChange={(event) => setForm({ ...form, requireApproval: event.target.checked })}
        />
        <div className="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {group === null ? 'Add' : 'Save'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function DeleteGroup({ group, onClose, onDone }: DialogProps & { readonly group: Group }) {
  const { busy, error, run } = useAction();
  return (
    <Dialog title={`Delete ${group.name}?`} onClose={onClose}>
      {error !== null && <Notice kind="error">{error}</Notice>}
      <p>
        {group.vehicleCount === 0 ? 'It has no vehicles.' : `It has ${group.vehicleCount} vehicles.`} What its policy
        layer says no longer holds for them.
      </p>
      <div className="form-end">
        <Button onClick={onClose}>Cancel</Button>
        <Button
          kind="danger"
          busy={busy}
          onClick={() => void run(() => gateway.deleteGroup(group.id)).then((isDone) => isDone && onDone())}
        >
          Delete
        </Button>
      </div>
    </Dialog>
  );
}

function Rename({ name: before, onClose, onDone }: DialogProps & { readonly name: string }) {
  const { busy, error, run } = useAction();
  const [name, setName] = useState(before);
  async function save(event: FormEvent) {
    event.preventDefault();
    if (await run(() => gateway.updateOrganisation({ name }))) onDone();
  }
  return (
    <Dialog title="Rename the organisation" onClose={onClose}>
      <form className="form" onSubmit={(event) => void save(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        <TextField label="Name" required value={name} onChange={(event) => setName(event.target.value)} />
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
