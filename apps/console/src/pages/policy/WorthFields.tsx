import type { AvoidedPaths } from '@corridor/contracts';
import { useState } from 'react';
import { Checkbox, Select, TextArea, TextField } from '../../ui/controls.js';
import type { DraftWorth } from './worth.js';

/** In the order in which they are given up when nothing else works: the last one first. */
const AVOIDABLE: readonly { readonly kind: AvoidedPaths; readonly label: string }[] = [
  { kind: 'capped', label: 'Data cap reached' },
  { kind: 'roaming', label: 'Roaming' },
  { kind: 'metered', label: 'Metered' },
];

interface Props {
  readonly worth: DraftWorth;
  readonly errorOf: (key: string) => { readonly error?: string };
  readonly onChange: (worth: DraftWorth) => void;
}

/** What a class is worth: the everyday part. */
export function WorthFields({ worth, errorOf, onChange }: Props) {
  const set = (part: Partial<DraftWorth>) => onChange({ ...worth, ...part });
  const avoid = worth.avoid ?? [];
  return (
    <div className="worth">
      <TextField
        label="Redundancy"
        placeholder="0"
        inputMode="decimal"
        hint="Extra bytes per byte for copies and repair, 0 to 4: 0.1 is 10 %, 2 is two more copies"
        {...errorOf('redundancy')}
        value={worth.redundancy}
        onChange={(event) => set({ redundancy: event.target.value })}
      />
      <fieldset className="worth-choices">
        <legend>Avoid links, unless no other works</legend>
        {AVOIDABLE.map(({ kind, label }) => (
          <Checkbox
            key={kind}
            label={label}
            checked={avoid.includes(kind)}
            onChange={(event) => set({ avoid: toggled(avoid, kind, event.target.checked) })}
          />
        ))}
      </fieldset>
      <fieldset className="worth-choices">
        <legend>Exceptions</legend>
        <Checkbox
          label="Urgent: tiny and vital, goes first"
          checked={worth.urgent === true}
          onChange={(event) => set({ urgent: event.target.checked })}
        />
        <Checkbox
          label="Emergency: use avoided links too"
          checked={worth.emergency === true}
          onChange={(event) => set({ emergency: event.target.checked })}
        />
      </fieldset>
    </div>
  );
}

function toggled(avoid: readonly AvoidedPaths[], kind: AvoidedPaths, isOn: boolean): readonly AvoidedPaths[] {
  if (!isOn) return avoid.filter((other) => other !== kind);
  return AVOIDABLE.map((each) => each.kind).filter((each) => each === kind || avoid.includes(each));
}

const ADVANCED = ['priority', 'minShare', 'deadlineMs', 'order', 'spread'] as const;

/** The part that few need, folded unless the layer came with some of it. `options`: the strategy's own, as JSON. */
export function AdvancedFields({
  worth,
  options,
  errorOf,
  onChange,
  onOptions,
}: Props & { readonly options: string; readonly onOptions: (options: string) => void }) {
  const set = (part: Partial<DraftWorth>) => onChange({ ...worth, ...part });
  const isWrong = [...ADVANCED, 'options'].some((key) => errorOf(key).error !== undefined);
  const [wasSaid] = useState(options !== '' || ADVANCED.some((key) => worth[key] !== ''));
  return (
    <details className="options-field" open={wasSaid || isWrong}>
      <summary>Advanced</summary>
      <div className="worth">
        <TextField
          label="Priority"
          placeholder="by place"
          inputMode="numeric"
          hint="1 is served first, 8 last"
          {...errorOf('priority')}
          value={worth.priority}
          onChange={(event) => set({ priority: event.target.value })}
        />
        <TextField
          label="Minimum share"
          placeholder="0.05"
          inputMode="decimal"
          hint="Of the sending, whatever goes before it: 0 to 0.5"
          {...errorOf('minShare')}
          value={worth.minShare}
          onChange={(event) => set({ minShare: event.target.value })}
        />
        <TextField
          label="Deadline, ms"
          placeholder="3000"
          inputMode="numeric"
          hint="Then a packet is given up: 20 to 3000"
          {...errorOf('deadlineMs')}
          value={worth.deadlineMs}
          onChange={(event) => set({ deadlineMs: event.target.value })}
        />
        <Select
          label="Order"
          hint="Which flows the receiver puts back in order"
          value={worth.order}
          onChange={(event) => set({ order: event.target.value })}
        >
          <option value="">TCP only (default)</option>
          <option value="auto">auto: TCP only</option>
          <option value="flow">flow: every flow</option>
          <option value="none">none</option>
        </Select>
        <Select
          label="Spread"
          hint="What may use several links at once"
          value={worth.spread}
          onChange={(event) => set({ spread: event.target.value })}
        >
          <option value="">each packet (default)</option>
          <option value="packets">packets: each packet</option>
          <option value="flows">flows: whole flows</option>
          <option value="none">none: one link at a time</option>
        </Select>
      </div>
      <TextArea
        label="Options of the strategy"
        className="input mono"
        placeholder="{ }"
        hint="A JSON object; empty: the strategy's own defaults"
        {...errorOf('options')}
        value={options}
        onChange={(event) => onOptions(event.target.value)}
      />
    </details>
  );
}
