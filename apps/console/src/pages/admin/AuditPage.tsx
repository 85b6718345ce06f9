import type { AuditEntry } from '@corridor/contracts';
import { useCallback, useEffect, useState } from 'react';
import { messageOf } from '../../api/client.js';
import * as gateway from '../../api/gateway.js';
import { Button } from '../../ui/controls.js';
import { Empty, Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';

/** Who did what, newest first. */
export default function AuditPage() {
  const [entries, setEntries] = useState<readonly AuditEntry[] | null>(null);
  const [cursor, setCursor] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(true);
  const load = useCallback(async (after: string | null) => {
    setBusy(true);
    try {
      const page = await gateway.audit(after);
      setEntries((before) => [...(after === null ? [] : (before ?? [])), ...page.items]);
      setCursor(page.nextCursor);
      setError(null);
    } catch (failure) {
      setError(messageOf(failure));
    }
    setBusy(false);
  }, []);
  useEffect(() => void load(null), [load]);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Audit</h1>
        <Button icon="restore" busy={busy} onClick={() => void load(null)}>
          Refresh
        </Button>
      </div>
      {error !== null && <Notice kind="error">{error}</Notice>}
      {entries === null && error === null && <Loading what="the audit log" />}
      {entries?.length === 0 && <Empty icon="audit" title="Nothing has been recorded yet." />}
      {entries !== null && entries.length > 0 && (
        <section className="panel">
          <div className="table-scroll">
            <table className="table">
              <thead>
                <tr>
                  <th>When</th>
                  <th>Who</th>
                  <th>What</th>
                  <th>On</th>
                  <th>Details</th>
                </tr>
              </thead>
              <tbody>
                {entries.map((entry) => (
                  <tr key={entry.id}>
                    <td>
                      <Moment at={entry.at} always="date" />
                    </td>
                    <td>{entry.actor}</td>
                    <td>{entry.action}</td>
                    <td className="mono">{entry.target ?? '–'}</td>
                    <td className="wrap mono">{detailText(entry.detail)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      )}
      {cursor !== null && (
        <Button busy={busy} onClick={() => void load(cursor)}>
          Show older
        </Button>
      )}
    </div>
  );
}

function detailText(detail: AuditEntry['detail']): string {
  const entries = Object.entries(detail);
  return entries.length === 0
    ? '–'
    : entries.map(([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ');
}
