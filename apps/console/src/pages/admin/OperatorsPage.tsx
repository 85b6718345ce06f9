import { type Operator, Role } from '@corridor/contracts';
import { type FormEvent, useState } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { useSession } from '../../app/session.js';
import { Button, Checkbox, IconButton, Select, TextField } from '../../ui/controls.js';
import { Dialog, Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';

const ROLE_WORDS: Readonly<Record<Role, string>> = {
  admin: 'Everything, operators and tokens included',
  dispatcher: 'Sees the fleet and steers it: policies, drills',
  technician: 'Sees the fleet, installs vehicles and devices',
  auditor: 'Sees everything, the audit log included; changes nothing',
};

export default function OperatorsPage() {
  const operators = useResource('operators', gateway.operators);
  const { operator: me } = useSession();
  const [open, setOpen] = useState<{ readonly operator: Operator | null } | null>(null);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Operators</h1>
        <Button kind="primary" icon="plus" onClick={() => setOpen({ operator: null })}>
          Add operator
        </Button>
      </div>
      {operators.error !== null && <Notice kind="error">{operators.error}</Notice>}
      {operators.data === null && operators.loading && <Loading what="the operators" />}
      {operators.data !== null && (
        <section className="panel">
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>User name</th>
                  <th>Role</th>
                  <th>State</th>
                  <th>Last login</th>
                  <th>
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {operators.data.map((operator) => (
                  <tr key={operator.id} className={operator.disabled ? 'faded' : undefined}>
                    <th scope="row">
                      {operator.name}
                      {operator.id === me.id && <span className="tag">you</span>}
                    </th>
                    <td>{operator.username}</td>
                    <td title={ROLE_WORDS[operator.role]}>{operator.role}</td>
                    <td>{operator.disabled ? 'disabled' : 'active'}</td>
                    <td>{operator.lastLoginAt === null ? 'never' : <Moment at={operator.lastLoginAt} />}</td>
                    <td className="actions">
                      <IconButton icon="edit" label={`Edit ${operator.name}`} onClick={() => setOpen({ operator })} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {open !== null && (
        <EditOperator
          operator={open.operator}
          onClose={() => setOpen(null)}
          onDone={() => {
            setOpen(null);
            operators.reload();
          }}
        />
      )}
    </div>
  );
}

function EditOperator({
  operator,
  onClose,
  onDone,
}: {
  readonly operator: Operator | null;
  readonly onClose: () => void;
  readonly onDone: () => void;
}) {
  const { operator: me } = useSession();
  const { busy, error, run } = useAction();
  const isMe = operator?.id === me.id;
  const [form, setForm] = useState({
    username: operator?.username ?? '',
    name: operator?.name ?? '',
    role: operator?.role ?? ('dispatcher' as Role),
    password: '',
    disabled: operator?.disabled ?? false,
  });
  const set = (part: Partial<typeof form>) => setForm({ ...form, ...part });
  async function save(event: FormEvent) {
    event.preventDefault();
    const { username, name, role, password, disabled } = form;
    const change = { name, ...(isMe ? {} : { role, disabled }), ...(password === '' ? {} : { password }) };
    const isDone = await run(() =>
      operator === null
        ? gateway.createOperator({ username, name, role, password })
        : gateway.updateOperator(operator.id, change),
    );
    if (isDone) onDone();
  }
  return (
    <Dialog title={operator === null ? 'Add an operator' : `Edit ${operator.name}`} onClose={onClose}>
      <form className="form" onSubmit={(event) => void save(event)} autoComplete="off">
        {error !== null && <Notice kind="error">{error}</Notice>}
        {operator === null && (
          <TextField
            label="User name"
            required
            autoCapitalize="none"
            value={form.username}
            onChange={(event) => set({ username: event.target.value })}
          />
        )}
        <TextField label="Name" required value={form.name} onChange={(event) => set({ name: event.target.value })} />
        <Select
          label="Role"
          hint={isMe ? 'Nobody changes the own role.' : ROLE_WORDS[form.role]}
          value={form.role}
          disabled={isMe}
          onChange={(event) => set({ role: event.target.value as Role })}
        >
          {Role.options.map((role) => (
            <option key={role} value={role}>
              {role}
            </option>
          ))}
        </Select>
        <TextField
          label={operator === null ? 'Password' : 'New password'}
          type="password"
          autoComplete="new-password"
          required={operator === null}
          minLength={12}
          hint={operator === null ? 'At least 12 characters' : 'Empty: unchanged. At least 12 characters'}
          value={form.password}
          onChange={(event) => set({ password: event.target.value })}
        />
        {operator !== null && !isMe && (
          <Checkbox
            label="Disabled: cannot log in, and all sessions and tokens end"
            checked={form.disabled}
            onChange={(event) => set({ disabled: event.target.checked })}
          />
        )}
        <div className="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy}>
            {operator === null ? 'Add' : 'Save'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
