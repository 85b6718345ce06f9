import { Button, IconButton, Select, TextField } from '../../ui/controls.js';
import { type Draft, type DraftClass, type DraftMatch, newMatch } from './draft.js';
import { AdvancedFields, WorthFields } from './WorthFields.js';
import type { DraftWorth } from './worth.js';

type Errors = Readonly<Record<string, string>>;
type Strategies = readonly { readonly name: string; readonly description: string }[];

function StrategyOptions({ strategies, value }: { readonly strategies: Strategies; readonly value: string }) {
  const isUnknown = value !== '' && !strategies.some(({ name }) => name === value);
  return (
    <>
      {isUnknown && <option value={value}>{value}</option>}
      {strategies.map(({ name }) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </>
  );
}

function hintOf(strategies: Strategies, name: string) {
  const description = strategies.find((strategy) => strategy.name === name)?.description;
  return description === undefined ? {} : { hint: description };
}

function errorOf(errors: Errors, key: string) {
  const error = errors[key] ?? Object.entries(errors).find(([other]) => other.startsWith(`${key}[`))?.[1];
  return error === undefined ? {} : { error };
}

export function DefaultFields({
  draft,
  strategies,
  errors,
  set,
  scope,
}: {
  readonly draft: Draft;
  readonly strategies: Strategies;
  readonly errors: Errors;
  readonly set: (part: Partial<Draft>) => void;
  readonly scope: string;
}) {
  return (
    <section className="class" aria-label="Default traffic">
      <Select
        label="Default strategy"
        {...hintOf(strategies, draft.defaultStrategy)}
        value={draft.defaultStrategy}
        onChange={(event) => set({ defaultStrategy: event.target.value })}
      >
        <option value="">{scope === 'organisation' ? 'Built in' : 'As the layers above say'}</option>
        <StrategyOptions strategies={strategies} value={draft.defaultStrategy} />
      </Select>
      {draft.defaultStrategy !== '' && (
        <SteeringFields
          path="default"
          worth={draft.defaultWorth}
          options={draft.defaultOptions}
          errors={errors}
          onWorth={(defaultWorth) => set({ defaultWorth })}
          onOptions={(defaultOptions) => set({ defaultOptions })}
        />
      )}
    </section>
  );
}

/** What both the default and a class have beside their strategy. */
function SteeringFields({
  path,
  worth,
  options,
  errors,
  onWorth,
  onOptions,
}: {
  readonly path: string;
  readonly worth: DraftWorth;
  readonly options: string;
  readonly errors: Errors;
  readonly onWorth: (worth: DraftWorth) => void;
  readonly onOptions: (options: string) => void;
}) {
  const shared = { worth, errorOf: (key: string) => errorOf(errors, `${path}.${key}`), onChange: onWorth };
  return (
    <>
      <WorthFields {...shared} />
      <AdvancedFields {...shared} options={options} onOptions={onOptions} />
    </>
  );
}

export function ClassFields({
  item,
  at,
  count,
  strategies,
  errors,
  onChange,
  onRemove,
  onMove,
}: {
  readonly item: DraftClass;
  readonly at: number;
  readonly count: number;
  readonly strategies: Strategies;
  readonly errors: Errors;
  readonly onChange: (item: DraftClass) => void;
  readonly onRemove: () => void;
  readonly onMove: (by: -1 | 1) => void;
}) {
  const set = (part: Partial<DraftClass>) => onChange({ ...item, ...part });
  const key = `classes[${at}]`;
  const title = item.name || `class ${at + 1}`;
  return (
    <section className="class" aria-label={title}>
      <div className="form-row">
        <TextField
          label="Name"
          placeholder="vitals"
          {...errorOf(errors, `${key}.name`)}
          value={item.name}
          onChange={(event) => set({ name: event.target.value })}
        />
        <Select
          label="Strategy"
          {...hintOf(strategies, item.strategy)}
          {...errorOf(errors, `${key}.strategy`)}
          value={item.strategy}
          onChange={(event) => set({ strategy: event.target.value })}
        >
          <StrategyOptions strategies={strategies} value={item.strategy} />
        </Select>
        <span className="class-tools">
          <IconButton
            icon="down"
            className="turned"
            label={`Move ${title} up`}
            disabled={at === 0}
            onClick={() => onMove(-1)}
          />
          <IconButton icon="down" label={`Move ${title} down`} disabled={at === count - 1} onClick={() => onMove(1)} />
          <IconButton icon="trash" label={`Remove ${title}`} onClick={onRemove} />
        </span>
      </div>
      <p className="class-legend">Traffic that matches {item.matches.length > 1 ? 'any of these' : 'all of this'}</p>
      {item.matches.map((match, index) => (
        <MatchFields
          key={match.key}
          match={match}
          errors={errors}
          path={`${key}.match[${index}]`}
          onChange={(next) => set({ matches: item.matches.map((other) => (other.key === match.key ? next : other)) })}
          onRemove={
            item.matches.length === 1
              ? null
              : () => set({ matches: item.matches.filter((other) => other.key !== match.key) })
          }
        />
      ))}
      <div className="class-foot">
        <Button small icon="plus" onClick={() => set({ matches: [...item.matches, newMatch()] })}>
          Or
        </Button>
      </div>
      <SteeringFields
        path={key}
        worth={item.worth}
        options={item.options}
        errors={errors}
        onWorth={(worth) => set({ worth })}
        onOptions={(options) => set({ options })}
      />
    </section>
  );
}

function MatchFields({
  match,
  errors,
  path,
  onChange,
  onRemove,
}: {
  readonly match: DraftMatch;
  readonly errors: Errors;
  readonly path: string;
  readonly onChange: (match: DraftMatch) => void;
  readonly onRemove: (() => void) | null;
}) {
  const set = (part: Partial<DraftMatch>) => onChange({ ...match, ...part });
  return (
    <div className="match">
      <Select
        label="Protocol"
        value={match.protocol}
        onChange={(event) => set({ protocol: event.target.value as DraftMatch['protocol'] })}
      >
        <option value="">any</option>
        <option value="tcp">TCP</option>
        <option value="udp">UDP</option>
        <option value="icmp">ICMP</option>
      </Select>
      <TextField
        label="Ports"
        placeholder="5060, 10000-20000"
        {...errorOf(errors, `${path}.ports`)}
        value={match.ports}
        onChange={(event) => set({ ports: event.target.value })}
      />
      <TextField
        label="DSCP"
        placeholder="46"
        {...errorOf(errors, `${path}.dscp`)}
        value={match.dscp}
        onChange={(event) => set({ dscp: event.target.value })}
      />
      <TextField
        label="Addresses"
        placeholder="10.20.0.0/16"
        {...errorOf(errors, `${path}.prefixes`)}
        value={match.prefixes}
        onChange={(event) => set({ prefixes: event.target.value })}
      />
      {onRemove !== null && <IconButton icon="close" label="Remove this alternative" onClick={onRemove} />}
    </div>
  );
}
