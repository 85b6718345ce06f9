import { type FormEvent, useState } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction } from '../../api/use-resource.js';
import { useSession } from '../../app/session.js';
import { Button, TextField } from '../../ui/controls.js';
import { Fact, Facts } from '../../ui/facts.js';
import { Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';

export default function AccountPage() {
  const { operator, organisation, permissions, expiresAt } = useSession();
  return (
    <div className="page">
      <h1>Account</h1>
      <div className="cards">
        <section className="panel" aria-labelledby="who">
          <header className="panel-head">
            <h2 id="who">{operator.name}</h2>
          </header>
          <Facts>
            <Fact name="User name">{operator.username}</Fact>
            <Fact name="Role">{operator.role}</Fact>
            <Fact name="Organisation">{organisation.name}</Fact>
            <Fact name="May">{permissions.join(', ')}</Fact>
            <Fact name="Session ends">
              <Moment at={expiresAt} always="date" />
            </Fact>
          </Facts>
        </section>
        <ChangePassword />
      </div>
    </div>
  );
}

function ChangePassword() {
  const { busy, error, run } = useAction();
  const [form, setForm] = useState({ current: '', next: '', again: '' });
  const [isDone, setDone] = useState(false);
  const differs = form.again !== '' && form.again !== form.next;
  async function save(event: FormEvent) {
    event.preventDefault();
    setDone(false);
    if (differs || !(await run(() => gateway.changePassword(form.current, form.next)))) return;
    setForm({ current: '', next: '', again: '' });
    setDone(true);
  }
  return (
    <section className="panel" aria-labelledby="password">
      <header className="panel-head">
        <h2 id="password">Change password</h2>
      </header>
      <form className="form" onSubmit={(event) => void save(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        {isDone && <Notice kind="good">Your password is changed.</Notice>}
        <TextField
          label="Current password"
          type="password"
          autoComplete="current-password"
          required
          value={form.current}
          onChange={(event) => setForm({ ...form, current: event.target.value })}
        />
        <TextField
          label="New password"
          type="password"
          autoComplete="new-password"
          minLength={12}
          required
          hint="At least 12 characters"
          value={form.next}
          onChange={(event) => setForm({ ...form, next: event.target.value })}
        />
        <TextField
          label="New password again"
          type="password"
          autoComplete="new-password"
          required
          {...(differs ? { error: 'It differs from the new password.' } : {})}
          value={form.again}
          onChange={(event) => setForm({ ...form, again: event.target.value })}
        />
        <div className="form-end">
          <Button kind="primary" type="submit" busy={busy} disabled={differs}>
            Change
          </Button>
        </div>
      </form>
    </section>
  );
}
