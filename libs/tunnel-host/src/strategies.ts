import { builtInStrategies, type StrategyFactory } from '@corridor/strategy';
import { HostError } from './errors.js';

const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/**
 * Loads strategy modules and answers them behind the built-in ones.
 * @param urls file URLs of modules whose default export is a StrategyFactory.
 * @throws HostError ERR_HOST_CONFIG with one sentence naming the module.
 */
export async function loadStrategies(urls: readonly string[]): Promise<StrategyFactory[]> {
  const strategies: StrategyFactory[] = [...builtInStrategies];
  for (const url of urls) {
    const factory = checkFactory(url, await importModule(url));
    if (strategies.some(({ name }) => name === factory.name)) {
      throw new HostError('ERR_HOST_CONFIG', `${url}: the strategy name "${factory.name}" is taken already`);
    }
    strategies.push(factory);
  }
  return strategies;
}

async function importModule(url: string): Promise<{ default?: unknown }> {
  try {
    return (await import(url)) as { default?: unknown };
  } catch (error) {
    throw new HostError('ERR_HOST_CONFIG', `${url}: cannot be loaded: ${(error as Error).message}`);
  }
}

function checkFactory(url: string, module: { default?: unknown }): StrategyFactory {
  const factory = (module.default ?? {}) as Partial<StrategyFactory>;
  const refuse = (what: string) => new HostError('ERR_HOST_CONFIG', `${url}: ${what}`);
  if (typeof factory.create !== 'function') {
    throw refuse('expected a StrategyFactory as its default export: { name, description, create }');
  }
  if (typeof factory.name !== 'string' || !NAME.test(factory.name)) {
    throw refuse('expected a name of lower case letters, digits and dashes in its default export');
  }
  if (typeof factory.description !== 'string') throw refuse('expected a description in its default export');
  return factory as StrategyFactory;
}
