import { type FormEvent, useState } from 'react';
import { messageOf } from '../api/client.js';
import { useAccess } from '../app/session.js';
import { Button, TextField } from '../ui/controls.js';
import { Notice } from '../ui/feedback.js';
import { Mark } from '../ui/icons.js';

export function LoginPage({ ended }: { readonly ended: boolean }) {
  const { logIn } = useAccess();
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    if (username.trim() === '' || password === '') return setError('Type your name and your password.');
    setBusy(true);
    setError(null);
    try {
      await logIn(username.trim(), password);
    } catch (failure) {
      setError(messageOf(failure));
      setPassword('');
      setBusy(false);
    }
  }

  return (
    <main className="login">
      <form className="login-card" onSubmit={(event) => void submit(event)} noValidate>
        <div className="login-head">
          <Mark size={40} />
          <div>
            <h1>Corridor</h1>
            <p>Keeps ambulances connected</p>
          </div>
        </div>
        {ended && error === null && (
          <Notice kind="info">Your session has ended. Log in again to go on where you were.</Notice>
        )}
        {error !== null && <Notice kind="error">{error}</Notice>}
        <TextField
          label="User name"
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
        <TextField
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        <Button kind="primary" type="submit" busy={busy}>
          {busy ? 'Logging in…' : 'Log in'}
        </Button>
      </form>
    </main>
  );
}
