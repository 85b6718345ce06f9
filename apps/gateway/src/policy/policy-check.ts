import type { PolicyContent, PolicyLayer } from '@corridor/contracts';
import { builtInStrategies } from '@corridor/strategy';
import { checkPolicy, PolicyError } from '@corridor/tunnel';
import { DomainError } from '../kernel/domain-error.js';
import { DEFAULT_KEY } from './effective.js';

const LAYER_KEYS = ['kind', 'v', 'default', 'classes', 'without'];

/**
 * Checks a layer that somebody wants to save with the very check that the engine makes of a policy, so that what is saved
 * can be followed.
 * @throws DomainError `policy-invalid`: which key, what was expected there, and what stood there
 */
export function checkLayer(layer: PolicyLayer): void {
  for (const key of Object.keys(layer)) {
    if (!LAYER_KEYS.includes(key))
      throw invalid(`layer.${key}: is not known here, expected one of ${LAYER_KEYS.join(', ')}`);
  }
  layer.classes.forEach(({ name }, index) => {
    const key = `layer.classes[${index}].name`;
    if (name === DEFAULT_KEY) throw invalid(`${key}: expected another name than "${DEFAULT_KEY}", which is taken`);
    if (layer.without.includes(name))
      throw invalid(`${key}: expected a class that "without" does not take out, got "${name}"`);
  });
  follow({ default: layer.default ?? { strategy: builtInStrategies[0]!.name }, classes: layer.classes }, 'layer.');
}

/** @throws DomainError `policy-invalid` when the engine could not follow it */
export function checkContent(content: PolicyContent, of: string): void {
  follow(content, `${of}: `);
}

function follow(content: PolicyContent, prefix: string): void {
  try {
    checkPolicy({ version: 0, default: content.default, classes: content.classes }, builtInStrategies);
  } catch (error) {
    if (error instanceof PolicyError) throw invalid(`${prefix}${error.message}`);
    throw error;
  }
}

function invalid(message: string): DomainError {
  return new DomainError('invalid', 'policy-invalid', message);
}
