import { lazy, Suspense, useCallback, useDeferredValue, useMemo, useRef, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import { useMay } from '../../app/session.js';
import { formatCount } from '../../format/units.js';
import { useFeed, useIsCurrent } from '../../live/store.js';
import { Button, Segments, Select } from '../../ui/controls.js';
import { Empty, Loading } from '../../ui/feedback.js';
import { Icon } from '../../ui/icons.js';
import { PHONE, useMedia } from '../../ui/media.js';
import { Glyph, STATE_WORDS } from '../../ui/status.js';
import { useVisibleRange } from '../../ui/virtual.js';
import { countStates, type FleetQuery, NO_QUERY, SORTS, type Sort, type StateFilter, selectVehicles } from './query.js';
import { VehicleRow } from './VehicleRow.js';

const FleetMap = lazy(() => import('../../map/FleetMap.js'));

type View = 'list' | 'split' | 'map';
const SORT_WORDS: Readonly<Record<Sort, string>> = {
  trouble: 'Trouble first',
  name: 'Name',
  group: 'Group',
  delay: 'Longest delay',
  loss: 'Most loss',
  seen: 'Longest unseen',
};

export function FleetPage() {
  const vehicles = useFeed(({ fleet }) => fleet?.vehicles);
  const isCurrent = useIsCurrent();
  const isPhone = useMedia(PHONE);
  const [query, setQuery, view, setView] = useFleetQuery(isPhone);
  const deferred = useDeferredValue(vehicles);
  const list = useMemo(
    () => (deferred === undefined ? [] : selectVehicles(deferred.values(), query, isCurrent)),
    [deferred, query, isCurrent],
  );
  const counts = useMemo(() => countStates(vehicles?.values() ?? [], isCurrent), [vehicles, isCurrent]);
  const [pointed, setPointed] = useState<string | null>(null);
  const [, navigate] = useLocation();
  const open = useCallback((id: string) => navigate(`/vehicles/${id}`), [navigate]);

  if (vehicles === undefined) return <Loading what="the fleet" />;
  const showMap = view !== 'list';
  const showList = view !== 'map';
  return (
    <div className="fleet">
      <h1 className="visually-hidden">Fleet</h1>
      <Tools query={query} setQuery={setQuery} counts={counts} view={view} setView={setView} isPhone={isPhone} />
      <div className={`fleet-panes fleet-${view}`}>
        {showList && (
          <FleetList
            list={list}
            total={counts.all}
            isCurrent={isCurrent}
            isPhone={isPhone}
            pointed={pointed}
            onPoint={setPointed}
            onClear={() => setQuery(NO_QUERY)}
          />
        )}
        {showMap && (
          <section className="fleet-map" aria-label="Map">
            <Suspense fallback={<Loading what="the map" />}>
              <FleetMap vehicles={list} isCurrent={isCurrent} pointed={pointed} onOpen={open} />
            </Suspense>
          </section>
        )}
      </div>
    </div>
  );
}

/** The query lives in the address, so that a list can be sent to a colleague and survives a reload. */
function useFleetQuery(isPhone: boolean) {
  const [params, setParams] = useSearchParams();
  const sort = params.get('sort') as Sort;
  const query = useMemo<FleetQuery>(
    () => ({
      search: params.get('q') ?? '',
      groupId: params.get('group') ?? '',
      state: (params.get('state') as StateFilter | null) ?? 'all',
      sort: SORTS.includes(sort) ? sort : 'trouble',
    }),
    [params, sort],
  );
  const asked = params.get('view') as View | null;
  const view: View = asked === null || (isPhone && asked === 'split') ? (isPhone ? 'list' : 'split') : asked;
  const put = (values: Readonly<Record<string, string>>) =>
    setParams(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [key, value] of Object.entries(values)) value === '' ? next.delete(key) : next.set(key, value);
        return next;
      },
      { replace: true },
    );
  const setQuery = (next: FleetQuery) =>
    put({
      q: next.search,
      group: next.groupId,
      state: next.state === 'all' ? '' : next.state,
      sort: next.sort === 'trouble' ? '' : next.sort,
    });
  const setView = (next: View) => put({ view: next });
  return [query, setQuery, view, setView] as const;
}

function Tools({
  query,
  setQuery,
  counts,
  view,
  setView,
  isPhone,
}: {
  readonly query: FleetQuery;
  readonly setQuery: (query: FleetQuery) => void;
  readonly counts: Readonly<Record<StateFilter, number>>;
  readonly view: View;
  readonly setView: (view: View) => void;
  readonly isPhone: boolean;
}) {
  const vehicles = useFeed(({ fleet }) => fleet?.vehicles);
  const groups = useMemo(() => {
    const byId = new Map<string, string>();
    for (const { group } of vehicles?.values() ?? []) if (group !== null) byId.set(group.id, group.name);
    return [...byId].sort(([, a], [, b]) => a.localeCompare(b));
  }, [vehicles]);
  return (
    <div className="tools">
      <StateFilters value={query.state} counts={counts} onChange={(state) => setQuery({ ...query, state })} />
      <div className="tools-find">
        <span className="search">
          <Icon name="search" size={16} />
          <input
            type="search"
            className="input"
            aria-label="Search vehicles"
            placeholder="Search name, operator, address"
            value={query.search}
            onChange={(event) => setQuery({ ...query, search: event.target.value })}
          />
        </span>
        {groups.length > 0 && (
          <Select
            label="Group"
            hidden
            value={query.groupId}
            onChange={(event) => setQuery({ ...query, groupId: event.target.value })}
          >
            <option value="">All groups</option>
            {groups.map(([id, name]) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </Select>
        )}
        <Select
          label="Sort"
          hidden
          value={query.sort}
          onChange={(event) => setQuery({ ...query, sort: event.target.value as Sort })}
        >
          {SORTS.map((sort) => (
            <option key={sort} value={sort}>
              {SORT_WORDS[sort]}
            </option>
          ))}
        </Select>
        <Segments
          label="View"
          value={view}
          onChange={setView}
          options={[
            { value: 'list', label: 'List', icon: 'list' },
            ...(isPhone ? [] : [{ value: 'split' as const, label: 'Both', icon: 'split' as const }]),
            { value: 'map', label: 'Map', icon: 'map' },
          ]}
        />
      </div>
    </div>
  );
}

const FILTERS = ['live', 'stale', 'offline', 'never', 'unknown'] as const;

function StateFilters({
  value,
  counts,
  onChange,
}: {
  readonly value: StateFilter;
  readonly counts: Readonly<Record<StateFilter, number>>;
  readonly onChange: (value: StateFilter) => void;
}) {
  const toggle = (state: StateFilter) => onChange(value === state ? 'all' : state);
  return (
    <fieldset className="filters">
      <legend className="visually-hidden">Show vehicles by state of their tunnel</legend>
      <button type="button" className="filter" aria-pressed={value === 'all'} onClick={() => onChange('all')}>
        <strong>{counts.all}</strong> all
      </button>
      {FILTERS.filter((state) => counts[state] > 0 || state === value || state === 'live').map((state) => (
        <button
          key={state}
          type="button"
          className="filter"
          aria-pressed={value === state}
          onClick={() => toggle(state)}
        >
          <Glyph state={state} />
          <strong>{counts[state]}</strong> {STATE_WORDS[state].toLowerCase()}
        </button>
      ))}
      {(counts.policy > 0 || value === 'policy') && (
        <button type="button" className="filter" aria-pressed={value === 'policy'} onClick={() => toggle('policy')}>
          <Icon name="policy" size={14} />
          <strong>{counts.policy}</strong> policy not applied
        </button>
      )}
    </fieldset>
  );
}

function FleetList({
  list,
  total,
  isCurrent,
  isPhone,
  pointed,
  onPoint,
  onClear,
}: {
  readonly list: ReturnType<typeof selectVehicles>;
  readonly total: number;
  readonly isCurrent: boolean;
  readonly isPhone: boolean;
  readonly pointed: string | null;
  readonly onPoint: (id: string | null) => void;
  readonly onClear: () => void;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const rowHeight = isPhone ? 152 : 66;
  const { first, end } = useVisibleRange(scroller, rowHeight, list.length);
  const may = useMay();
  const [, navigate] = useLocation();
  return (
    <section className="fleet-list" aria-label="Vehicles">
      <p className="visually-hidden" role="status">
        {list.length === total ? formatCount(total, 'vehicle') : `${list.length} of ${formatCount(total, 'vehicle')}`}
      </p>
      {/* biome-ignore lint/a11y/useSemanticElements: only the rows in sight exist, a table element cannot say so */}
      <div role="table" className="vtable" aria-label="Vehicles" aria-rowcount={list.length + 1}>
        {/* biome-ignore lint/a11y/useSemanticElements: see above */}
        <div role="rowgroup" className="vhead">
          {/* biome-ignore lint/a11y: see above */}
          <div role="row" aria-rowindex={1} className="vhead-row">
            {['Vehicle', 'Status', 'Links', 'Policy'].map((title) => (
              // biome-ignore lint/a11y: see above
              <div key={title} role="columnheader">
                {title}
              </div>
            ))}
          </div>
        </div>
        {/* biome-ignore lint/a11y: see above */}
        <div role="rowgroup" className="vbody" ref={scroller} onKeyDown={moveFocus}>
          <div className="vspace" style={{ height: list.length * rowHeight }}>
            {list.slice(first, end).map((vehicle, at) => (
              <VehicleRow
                key={vehicle.id}
                vehicle={vehicle}
                isCurrent={isCurrent}
                isSelected={pointed === vehicle.id}
                index={first + at + 1}
                top={(first + at) * rowHeight}
                onPoint={onPoint}
              />
            ))}
          </div>
          {list.length === 0 && total > 0 && (
            <Empty icon="search" title="No vehicle matches.">
              <Button onClick={onClear}>Show all {total}</Button>
            </Empty>
          )}
          {total === 0 && (
            <Empty icon="fleet" title="There are no vehicles yet.">
              {may('device:provision') && (
                <Button kind="primary" icon="plus" onClick={() => navigate('/provisioning')}>
                  Add the first vehicle
                </Button>
              )}
            </Empty>
          )}
        </div>
      </div>
    </section>
  );
}

/** Arrow keys go from vehicle to vehicle. */
function moveFocus(event: React.KeyboardEvent<HTMLDivElement>) {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const links = [...event.currentTarget.querySelectorAll<HTMLAnchorElement>('.vrow-link')];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  const next = links[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
