import {
  type ButtonHTMLAttributes,
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react';
import { Icon, type IconName } from './icons.js';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly kind?: 'primary' | 'plain' | 'quiet' | 'danger';
  readonly icon?: IconName;
  readonly busy?: boolean;
  readonly small?: boolean;
}

export function Button({
  kind = 'plain',
  icon,
  busy = false,
  small = false,
  children,
  className,
  ...rest
}: ButtonProps) {
  const classes = ['button', `button-${kind}`, small ? 'button-small' : '', className ?? ''].filter(Boolean).join(' ');
  return (
    <button
      type="button"
      {...rest}
      className={classes}
      disabled={rest.disabled === true || busy}
      aria-busy={busy || undefined}
    >
      {icon !== undefined && <Icon name={icon} size={small ? 15 : 17} />}
      {children !== undefined && <span>{children}</span>}
    </button>
  );
}

/** A button without words: `label` is read and shown as its title. */
export function IconButton({
  label,
  icon,
  ...rest
}: { readonly label: string } & Omit<ButtonProps, 'children'> & { readonly icon: IconName }) {
  return (
    <Button
      kind="quiet"
      {...rest}
      icon={icon}
      aria-label={label}
      title={label}
      className={`button-icon ${rest.className ?? ''}`}
    />
  );
}

interface FieldProps {
  readonly label: string;
  readonly hint?: ReactNode;
  readonly error?: string | undefined;
  /** The label is read but not shown. */
  readonly hidden?: boolean;
}

function Framed({
  label,
  hint,
  error,
  hidden,
  id,
  children,
}: FieldProps & { readonly id: string; readonly children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id} className={hidden === true ? 'visually-hidden' : 'field-label'}>
        {label}
      </label>
      {children}
      {hint !== undefined && error === undefined && (
        <p className="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error !== undefined && (
        <p className="field-error" id={`${id}-hint`}>
          {error}
        </p>
      )}
    </div>
  );
}

function described(id: string, { hint, error }: FieldProps) {
  return {
    ...(hint !== undefined || error !== undefined ? { 'aria-describedby': `${id}-hint` } : {}),
    ...(error !== undefined ? { 'aria-invalid': true } : {}),
  };
}

export function TextField({
  label,
  hint,
  error,
  hidden,
  ...input
}: FieldProps & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId();
  const frame = { label, hint, error, ...(hidden === undefined ? {} : { hidden }) };
  return (
    <Framed {...frame} id={id}>
      <input type="text" className="input" {...input} id={id} {...described(id, frame)} />
    </Framed>
  );
}

export function TextArea({
  label,
  hint,
  error,
  hidden,
  ...input
}: FieldProps & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId();
  const frame = { label, hint, error, ...(hidden === undefined ? {} : { hidden }) };
  return (
    <Framed {...frame} id={id}>
      <textarea rows={3} className="input" {...input} id={id} {...described(id, frame)} />
    </Framed>
  );
}

export function Select({
  label,
  hint,
  error,
  hidden,
  children,
  ...input
}: FieldProps & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId();
  const frame = { label, hint, error, ...(hidden === undefined ? {} : { hidden }) };
  return (
    <Framed {...frame} id={id}>
      <span className="select">
        <select className="input" {...input} id={id} {...described(id, frame)}>
          {children}
        </select>
        <Icon name="down" size={14} />
      </span>
    </Framed>
  );
}

export function Checkbox({ label, ...input }: { readonly label: ReactNode } & InputHTMLAttributes<HTMLInputElement>) {
  return (
    <label className="checkbox">
      <input type="checkbox" {...input} />
      <span>{label}</span>
    </label>
  );
}

/** One of a few, all of them visible: ranges, views, filters. */
export function Segments<T extends string>({
  label,
  value,
  options,
  onChange,
}: {
  readonly label: string;
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly label: string; readonly icon?: IconName }[];
  readonly onChange: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset className="segments">
      <legend className="visually-hidden">{label}</legend>
      {options.map((option) => (
        <label key={option.value} className={option.value === value ? 'segment segment-on' : 'segment'}>
          <input
            type="radio"
            className="visually-hidden"
            name={name}
            checked={option.value === value}
            onChange={() => onChange(option.value)}
          />
          {option.icon !== undefined && <Icon name={option.icon} size={16} />}
          <span>{option.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
