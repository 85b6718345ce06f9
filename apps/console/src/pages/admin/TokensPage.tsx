import type { Permission } from '@corridor/contracts';
import { type FormEvent, useState } from 'react';
import * as gateway from '../../api/gateway.js';
import { useAction, useResource } from '../../api/use-resource.js';
import { useSession } from '../../app/session.js';
import { useGatewayNow } from '../../live/store.js';
import { Button, Checkbox, Select, TextField } from '../../ui/controls.js';
import { CopyButton, Dialog, Empty, Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';

export default function TokensPage() {
  const tokens = useResource('tokens', gateway.tokens);
  const [isOpen, setOpen] = useState(false);
  const { busy, error, run } = useAction();
  const now = useGatewayNow();
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>API tokens</h1>
          <p className="quiet">A token acts for you, with the permissions that you choose.</p>
        </div>
        <Button kind="primary" icon="plus" onClick={() => setOpen(true)}>
          Make a token
        </Button>
      </div>
      {(error ?? tokens.error) !== null && <Notice kind="error">{error ?? tokens.error}</Notice>}
      {tokens.data === null && tokens.loading && <Loading what="the tokens" />}
      {tokens.data?.length === 0 && <Empty icon="tokens" title="There are no tokens." />}
      {tokens.data !== null && tokens.data.length > 0 && (
        <section className="panel">
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th>Name</th>
                  <th>May</th>
                  <th>Made</th>
                  <th>Expires</th>
                  <th>Last used</th>
                  <th>
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {tokens.data.map((token) => (
                  <tr key={token.id} className={Date.parse(token.expiresAt) < now ? 'faded' : undefined}>
                    <th scope="row">{token.name}</th>
                    <td className="wrap">{token.scopes.join(', ')}</td>
                    <td>
                      <Moment at={token.createdAt} always="date" />
                    </td>
                    <td>
                      {Date.parse(token.expiresAt) < now ? 'expired ' : ''}
                      <Moment at={token.expiresAt} always="date" />
                    </td>
                    <td>{token.lastUsedAt === null ? 'never' : <Moment at={token.lastUsedAt} />}</td>
                    <td className="actions">
                      <Button
                        small
                        busy={busy}
                        aria-label={`Revoke token ${token.name}`}
                        onClick={() => void run(() => gateway.deleteToken(token.id)).then(tokens.reload)}
                      >
                        Revoke
                      </Button>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {isOpen && (
        <MakeToken
          onClose={() => {
            setOpen(false);
            tokens.reload();
          }}
        />
      )}
    </div>
  );
}

function MakeToken({ onClose }: { readonly onClose: () => void }) {
  const { permissions } = useSession();
  const { busy, error, run } = useAction();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [scopes, setScopes] = useState<readonly Permission[]>(['fleet:read']);
  const [token, setToken] = useState<string | null>(null);
  async function make(event: FormEvent) {
    event.preventDefault();
    await run(async () => setToken((await gateway.createToken({ name, scopes, expiresInDays: Number(days) })).token));
  }
  if (token !== null) {
    return (
      <Dialog title={`Token ${name}`} onClose={onClose}>
        <Notice kind="warning">It is shown only now: the gateway keeps a hash of it.</Notice>
        <div className="command">
          <code>{token}</code>
          <CopyButton text={token} label="Copy the token" />
        </div>
        <div className="form-end">
          <Button kind="primary" onClick={onClose}>
            Done
          </Button>
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title="Make a token" onClose={onClose}>
      <form className="form" onSubmit={(event) => void make(event)}>
        {error !== null && <Notice kind="error">{error}</Notice>}
        <TextField
          label="Name"
          required
          placeholder="What it is for"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Select label="Good for" value={days} onChange={(event) => setDays(event.target.value)}>
          <option value="7">7 days</option>
          <option value="30">30 days</option>
          <option value="90">90 days</option>
          <option value="366">A year</option>
        </Select>
        <fieldset className="checks">
          <legend>It may</legend>
          {permissions.map((permission) => (
            <Checkbox
              key={permission}
              label={permission}
              checked={scopes.includes(permission)}
              onChange={(event) =>
                setScopes(
                  event.target.checked ? [...scopes, permission] : scopes.filter((other) => other !== permission),
                )
              }
            />
          ))}
        </fieldset>
        <div className="form-end">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" busy={busy} disabled={scopes.length === 0}>
            Make
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
