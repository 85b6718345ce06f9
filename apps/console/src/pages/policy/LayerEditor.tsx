import type { LiveVehicle, PolicyLayer, PolicyRevision, PolicySource } from '@corridor/contracts';
import { type FormEvent, useEffect, useMemo, useState } from 'react';
import { ApiError, messageOf } from '../../api/client.js';
import * as gateway from '../../api/gateway.js';
import { type Resource, useResource } from '../../api/use-resource.js';
import { useMay, useSession } from '../../app/session.js';
import { fleetStore, useFeed } from '../../live/store.js';
import { Button, Checkbox, Segments, TextField } from '../../ui/controls.js';
import { Loading, Notice } from '../../ui/feedback.js';
import { Moment } from '../../ui/status.js';
import { ClassFields, DefaultFields } from './ClassFields.js';
import { type Draft, draftOf, layerOf, newClass } from './draft.js';
import { layerChanges, rebased } from './layer-diff.js';
import { Rollout, reachedBy, type Saved, targetsOf } from './Rollout.js';

interface Props {
  readonly vehicle: LiveVehicle;
  /** Names of the classes that the vehicle has now. */
  readonly inherited: readonly string[];
  readonly setBy: Readonly<Record<string, PolicySource>>;
  readonly onClose: () => void;
}

/** Changes one layer: of this vehicle, its group, or the organisation. */
export function LayerEditor({ vehicle, inherited, setBy, onClose }: Props) {
  const { organisation } = useSession();
  const may = useMay();
  const [scope, setScope] = useState<gateway.LayerScope>('vehicle');
  const scopes = [
    { value: 'vehicle' as const, label: vehicle.name, id: vehicle.id },
    ...(vehicle.group === null
      ? []
      : [{ value: 'group' as const, label: `Group ${vehicle.group.name}`, id: vehicle.group.id }]),
    // Of the whole organisation: administrators only.
    ...(may('fleet:write') ? [{ value: 'organisation' as const, label: organisation.name, id: organisation.id }] : []),
  ];
  const id = scopes.find(({ value }) => value === scope)?.id ?? vehicle.id;
  const revision = useResource(`layer ${scope} ${id}`, () => gateway.layer(scope, id));
  return (
    <section className="panel editor" aria-labelledby="editor-title">
      <header className="panel-head">
        <h2 id="editor-title">Change the policy of</h2>
        <div className="panel-tools">
          <Segments label="Layer" value={scope} options={scopes} onChange={setScope} />
          <Button small onClick={onClose}>
            Close
          </Button>
        </div>
      </header>
      <Reach scope={scope} id={id} />
      {revision.error !== null && <Notice kind="error">{revision.error}</Notice>}
      {revision.data === null ? (
        revision.error === null && <Loading what="the layer" />
      ) : (
        <LayerForm
          key={`${scope} ${id}`}
          scope={scope}
          id={id}
          revision={revision as Resource<PolicyRevision> & { data: PolicyRevision }}
          inherited={inherited}
          setBy={setBy}
        />
      )}
    </section>
  );
}

/** Whom a save will reach, before anybody saves. */
function Reach({ scope, id }: { readonly scope: gateway.LayerScope; readonly id: string }) {
  const vehicles = useFeed(({ fleet }) => fleet?.vehicles);
  const count = useMemo(
    () =>
      [...(vehicles?.values() ?? [])].filter((vehicle) => scope === 'organisation' || vehicle.group?.id === id).length,
    [vehicles, scope, id],
  );
  if (scope === 'vehicle') return null;
  return (
    <Notice kind="info">
      A change here reaches {count} {count === 1 ? 'vehicle' : 'vehicles'}, unless a layer below says otherwise.
    </Notice>
  );
}

function LayerForm({
  scope,
  id,
  revision,
  inherited,
  setBy,
}: {
  readonly scope: gateway.LayerScope;
  readonly id: string;
  readonly revision: Resource<PolicyRevision> & { readonly data: PolicyRevision };
  readonly inherited: readonly string[];
  readonly setBy: Readonly<Record<string, PolicySource>>;
}) {
  const [base, setBase] = useState(revision.data);
  const [draft, setDraft] = useState<Draft>(() => draftOf(base.layer));
  const [comment, setComment] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [conflict, setConflict] = useState<PolicyRevision | null>(null);
  const [saved, setSaved] = useState<Saved | null>(null);
  const [tried, setTried] = useState(false);
  const strategies = useResource('strategies', gateway.strategies);
  const read = useMemo(() => layerOf(draft), [draft]);
  const errors = read.ok || !tried ? {} : read.errors;
  const changes = read.ok ? layerChanges(base.layer, read.layer) : [];
  const set = (part: Partial<Draft>) => setDraft({ ...draft, ...part });

  async function save(event: FormEvent) {
    event.preventDefault();
    setTried(true);
    if (!read.ok) return;
    setBusy(true);
    setError(null);
    const atMs = performance.now();
    const targetsBefore = targetsOf(reachedBy(fleetStore.view.fleet?.vehicles.values() ?? [], scope, id));
    try {
      const revised = await gateway.putLayer(scope, id, { layer: read.layer, baseVersion: base.version, comment });
      take(revised);
      setSaved({ revision: revised, atMs, targetsBefore });
      setComment('');
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 409) await meet(failure);
      else setError(failure instanceof ApiError ? failure : new ApiError(messageOf(failure), 0, 'unknown'));
    }
    setBusy(false);
  }

  function take(next: PolicyRevision, layer: PolicyLayer = next.layer) {
    setBase(next);
    setDraft(draftOf(layer));
    setConflict(null);
    setTried(false);
  }

  /** Somebody else saved first: fetch theirs and let the operator choose. */
  async function meet(failure: ApiError) {
    try {
      setConflict(await gateway.layer(scope, id));
    } catch {
      setError(failure);
    }
  }

  const known = strategies.data ?? [];
  const removable = inherited.filter(
    (name) => setBy[name]?.scope !== scope && !draft.classes.some((item) => item.name === name),
  );
  return (
    <form className="form" onSubmit={(event) => void save(event)} noValidate>
      <DefaultFields draft={draft} strategies={known} errors={errors} set={set} scope={scope} />
      <fieldset className="classes">
        <legend>Classes set here, the first that matches wins</legend>
        {draft.classes.length === 0 && <p className="quiet">None: the classes of the layers above hold.</p>}
        {draft.classes.map((item, at) => (
          <ClassFields
            key={item.key}
            item={item}
            at={at}
            count={draft.classes.length}
            strategies={known}
            errors={errors}
            onChange={(next) => set({ classes: draft.classes.map((other) => (other.key === item.key ? next : other)) })}
            onRemove={() => set({ classes: draft.classes.filter((other) => other.key !== item.key) })}
            onMove={(by) => set({ classes: moved(draft.classes, at, by) })}
          />
        ))}
        <Button small icon="plus" onClick={() => set({ classes: [...draft.classes, newClass(known[0]?.name ?? '')] })}>
          Add class
        </Button>
      </fieldset>
      {(removable.length > 0 || draft.without.length > 0) && (
        <fieldset className="without">
          <legend>Inherited classes that do not hold here</legend>
          {[...new Set([...removable, ...draft.without])].map((name) => (
            <Checkbox
              key={name}
              label={name}
              checked={draft.without.includes(name)}
              onChange={(event) =>
                set({
                  without: event.target.checked
                    ? [...draft.without, name]
                    : draft.without.filter((other) => other !== name),
                })
              }
            />
          ))}
        </fieldset>
      )}
      <div className="changes" role="status">
        <h3>What will change</h3>
        {!read.ok && tried && <Notice kind="error">{firstError(read.errors)}</Notice>}
        {!read.ok && !tried && <p className="quiet">Something is still missing above.</p>}
        {read.ok && changes.length === 0 && <p className="quiet">Nothing yet.</p>}
        <ul>
          {changes.map((change) => (
            <li key={change}>{change}</li>
          ))}
        </ul>
      </div>
      {error !== null && (
        <Notice kind="error">
          {error.message}
          {Object.entries(error.expected).map(([key, expected]) => ` ${key}: ${expected}.`)}
        </Notice>
      )}
      {conflict !== null && read.ok && (
        <Notice
          kind="warning"
          action={
            <span className="notice-actions">
              <Button
                small
                kind="primary"
                onClick={() => take(conflict, rebased(base.layer, read.layer, conflict.layer))}
              >
                Keep my changes over theirs
              </Button>
              <Button small onClick={() => take(conflict)}>
                Take theirs
              </Button>
            </span>
          }
        >
          {conflict.author} saved version {conflict.version} meanwhile
          {conflict.comment === '' ? '' : `: “${conflict.comment}”`}. Nothing of yours is saved yet.
        </Notice>
      )}
      <div className="form-end form-save">
        <TextField
          label="Comment"
          placeholder="Why"
          value={comment}
          onChange={(event) => setComment(event.target.value)}
        />
        <Button
          kind="primary"
          type="submit"
          busy={busy}
          disabled={(read.ok && changes.length === 0) || conflict !== null}
        >
          Save and push
        </Button>
      </div>
      {saved !== null && <Rollout scope={scope} id={id} saved={saved} />}
      <Earlier scope={scope} id={id} version={base.version} onLoad={(layer) => setDraft(draftOf(layer))} />
    </form>
  );
}

function firstError(errors: Readonly<Record<string, string>>): string {
  const [first] = Object.entries(errors);
  return first === undefined ? 'Something is missing.' : `${first[0]}: ${first[1]}.`;
}

function moved<T>(list: readonly T[], at: number, by: number): readonly T[] {
  const next = [...list];
  const [item] = next.splice(at, 1);
  if (item !== undefined) next.splice(at + by, 0, item);
  return next;
}

function Earlier({
  scope,
  id,
  version,
  onLoad,
}: {
  readonly scope: gateway.LayerScope;
  readonly id: string;
  readonly version: number;
  readonly onLoad: (layer: PolicyLayer) => void;
}) {
  const [open, setOpen] = useState(false);
  const history = useResource(open ? `revisions ${scope} ${id}` : null, () => gateway.layerHistory(scope, id));
  const { reload } = history;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new version is a new entry
  useEffect(() => reload(), [version]);
  return (
    <details className="earlier" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Earlier versions of this layer</summary>
      {history.error !== null && <Notice kind="error">{history.error}</Notice>}
      {history.data?.length === 0 && <p className="quiet">It was never set.</p>}
      <ul>
        {history.data?.map((revision) => (
          <li key={revision.version}>
            <span>
              v{revision.version} by {revision.author}, <Moment at={revision.createdAt} />
              {revision.comment !== '' && `: ${revision.comment}`}
            </span>
            <Button small onClick={() => onLoad(revision.layer)}>
              Load into the form
            </Button>
          </li>
        ))}
      </ul>
    </details>
  );
}
