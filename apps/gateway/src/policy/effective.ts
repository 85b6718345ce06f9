import { createHash } from 'node:crypto';
import {
  canonicalJson,
  type PolicyContent,
  type PolicyLayer,
  type PolicySource,
  type TrafficClass,
} from '@corridor/contracts';

/** A layer and where it comes from. */
export interface SourcedLayer {
  readonly source: PolicySource;
  readonly layer: PolicyLayer;
}

/** What remains when layers are laid over each other. */
export interface Effective {
  readonly content: PolicyContent;
  /** SHA-256 of the canonical JSON of `content`, hex: equal content, equal digest, whatever layers it came from. */
  readonly digest: string;
  /** The layers that took part, lowest first. */
  readonly sources: readonly PolicySource[];
  /** Who set what: by `default` or the name of a class. */
  readonly setBy: Readonly<Record<string, PolicySource>>;
}

/** No class can have this name: it stands for the default in `setBy`. */
export const DEFAULT_KEY = 'default';

/**
 * Lays layers over each other, the lowest first: `default` replaces; names in `without` are taken out of what lies below;
 * a class replaces the one of its name where that stands, or is added behind.
 *
 * @throws TypeError when no layer has a default: the lowest must
 */
export function effectivePolicy(layers: readonly SourcedLayer[]): Effective {
  const classes = new Map<string, TrafficClass>();
  const setBy: Record<string, PolicySource> = {};
  let fallback: PolicyContent['default'] | undefined;
  for (const { source, layer } of layers) {
    if (layer.default !== undefined) {
      fallback = layer.default;
      setBy[DEFAULT_KEY] = source;
    }
    for (const name of layer.without) {
      classes.delete(name);
      delete setBy[name];
    }
    for (const each of layer.classes) {
      // A Map keeps the place of a key that is set again.
      classes.set(each.name, each);
      setBy[each.name] = source;
    }
  }
  if (fallback === undefined) throw new TypeError('the lowest layer has no default');
  const content = { default: fallback, classes: [...classes.values()] };
  return { content, digest: digestOf(content), sources: layers.map(({ source }) => source), setBy };
}

export function digestOf(content: PolicyContent): string {
  return createHash('sha256').update(canonicalJson(content)).digest('hex');
}
