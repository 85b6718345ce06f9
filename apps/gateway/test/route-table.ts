import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, ModulesContainer, Reflector } from '@nestjs/core';
import { ACCESS, type Access } from '../src/auth/access.js';
import { API_PREFIX } from '../src/gateway.js';
import type { TestGateway } from './gateway.js';

export interface Route {
  readonly method: string;
  /** Template, such as "/api/v1/vehicles/:id". */
  readonly path: string;
  /** undefined: the route declares nothing. */
  readonly access: Access | undefined;
}

/** Every route of every controller that the running application has, as its decorators declare it. */
export function routeTable(gateway: TestGateway): Route[] {
  const scanner = new MetadataScanner();
  const reflector = new Reflector();
  const controllers = new DiscoveryService(gateway.get(ModulesContainer)).getControllers();
  return controllers.flatMap(({ metatype, instance }) => {
    const prototype = Object.getPrototypeOf(instance);
    const parts: string[] = [Reflect.getMetadata(PATH_METADATA, metatype as Type)].flat();
    return scanner.getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype[name];
      const own: string | string[] | undefined = Reflect.getMetadata(PATH_METADATA, handler);
      if (own === undefined) return [];
      const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler)] as string;
      const access = reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, metatype as Type]);
      return parts.flatMap((part) => [own].flat().map((end) => ({ method, path: pathOf(part, end), access })));
    });
  });
}

function pathOf(...parts: string[]): string {
  const path = parts
    .flatMap((part) => part.split('/'))
    .filter((part) => part !== '')
    .join('/');
  return path.startsWith('health/') ? `/${path}` : `/${API_PREFIX}/${path}`;
}
