import type { RecordedEvent, Source } from '@corridor/contracts';
import { useMemo, useState } from 'react';
import { Button, Select } from '../../ui/controls.js';
import { Empty, Notice } from '../../ui/feedback.js';
import { Icon } from '../../ui/icons.js';
import { Moment } from '../../ui/status.js';
import { type TimelineItem, withEffects } from './decisions.js';
import { type EventFilter, matchesFilter, wordsOf } from './event-words.js';
import { Figures } from './Figures.js';

interface Props {
  readonly events: readonly RecordedEvent[];
  readonly older: (() => void) | null;
  readonly loading: boolean;
  readonly error: string | null;
  readonly titleOf: (path: string) => string;
}

/** What happened and why, newest first. */
export function Timeline({ events, older, loading, error, titleOf }: Props) {
  const [filter, setFilter] = useState<EventFilter>('paths');
  const [end, setEnd] = useState<'both' | Source>('both');
  const shown = useMemo(
    () => withEffects(events.filter((event) => matchesFilter(event, filter, end))),
    [events, filter, end],
  );
  return (
    <section className="panel timeline" aria-labelledby="timeline-title">
      <header className="panel-head">
        <h2 id="timeline-title">What happened</h2>
        <div className="panel-tools">
          <Select
            label="Events"
            hidden
            value={filter}
            onChange={(event) => setFilter(event.target.value as EventFilter)}
          >
            <option value="switches">Switches</option>
            <option value="paths">Switches and links</option>
            <option value="all">Everything</option>
          </Select>
          <Select
            label="Seen by"
            hidden
            value={end}
            onChange={(event) => setEnd(event.target.value as 'both' | Source)}
          >
            <option value="both">Both ends</option>
            <option value="vehicle">Vehicle</option>
            <option value="gateway">Gateway</option>
          </Select>
        </div>
      </header>
      {error !== null && <Notice kind="error">{error}</Notice>}
      <ol className="events" aria-live="polite" aria-relevant="additions">
        {shown.map((item) => (
          <EventItem key={item.recorded.id} item={item} titleOf={titleOf} />
        ))}
      </ol>
      {shown.length === 0 && !loading && (
        <Empty icon="switch" title={filter === 'switches' ? 'No switch yet.' : 'Nothing has happened yet.'} />
      )}
      {older !== null && (
        <Button small onClick={older} busy={loading} className="events-older">
          Show older
        </Button>
      )}
    </section>
  );
}

function EventItem({
  item: {
    recorded: { at, source, event },
    effect,
  },
  titleOf,
}: {
  readonly item: TimelineItem;
  readonly titleOf: (path: string) => string;
}) {
  const { icon, tone, title, detail } = wordsOf(event, titleOf);
  return (
    <li className={`event event-${tone}`}>
      <span className="event-icon">
        <Icon name={icon} size={15} />
      </span>
      <div className="event-body">
        <p className="event-head">
          <strong>{title}</strong>
          {event.trafficClass !== undefined && <span className="tag">{event.trafficClass}</span>}
        </p>
        {detail !== '' && <p className="event-detail">{detail}</p>}
        <Figures event={event} effect={effect} titleOf={titleOf} />
        <p className="event-meta">
          <Moment at={at} millis />
          <span>{source === 'vehicle' ? 'seen by the vehicle' : 'seen by the gateway'}</span>
        </p>
      </div>
    </li>
  );
}
