import { Ajv2020 } from 'ajv/dist/2020.js';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { type Route, routeTable } from '../../test/route-table.js';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly tags?: string[];
  readonly parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  readonly requestBody?: { content: Record<string, { schema: object }> };
  readonly responses: Record<
    string,
    { $ref?: string; description?: string; content?: Record<string, { schema: object }> }
  >;
  readonly security?: Record<string, string[]>[];
  readonly 'x-permissions'?: string[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly securitySchemes: object;
    readonly responses: { Problem: { content: Record<string, { schema: object }> } };
  };
}

let gateway: TestGateway;
let document: Document;
let operations: { key: string; operation: Operation }[];
let routes: Route[];

beforeAll(async () => {
  gateway = await startGateway();
  document = (await gateway.admin.get('/api/v1/openapi.json')).body;
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ key: `${method.toUpperCase()} ${path}`, operation })),
  );
  routes = routeTable(gateway).filter(({ path }) => !path.endsWith('/openapi.json'));
}, 60_000);

const keyOf = ({ method, path }: Route) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`;

describe('the OpenAPI document', () => {
  it('is one of version 3.1 for this gateway', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Corridor gateway', version: '1' });
    expect(Object.keys(document.components.securitySchemes).sort()).toEqual(['device', 'session', 'token']);
  });

  it('has every route, and no other', () => {
    expect(operations.map(({ key }) => key).sort()).toEqual(routes.map(keyOf).sort());
  });

  it('says of each operation what it does, under an id of its own', () => {
    expect(operations.filter(({ operation }) => !operation.summary).map(({ key }) => key)).toEqual([]);
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids.length).toBe(new Set(ids).size);
  });

  it('says who may call each, as the guard does', () => {
    for (const route of routes) {
      const { operation } = operations.find(({ key }) => key === keyOf(route))!;
      const schemes = (operation.security ?? []).flatMap((alternative) => Object.keys(alternative)).sort();
      const { access } = route;
      const expected = {
        public: [],
        device: ['device'],
        'any-operator': ['session', 'token'],
        permissions: ['session', 'token'],
      };
      expect(schemes, keyOf(route)).toEqual(expected[access!.kind]);
      expect(operation['x-permissions'], keyOf(route)).toEqual(
        access!.kind === 'permissions' ? access!.permissions : undefined,
      );
    }
  });

  it('names every parameter of each path, and requires it', () => {
    for (const { key, operation } of operations) {
      const inPath = [...key.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();
      const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path');
      expect(declared.map(({ name }) => name).sort(), key).toEqual(inPath);
      for (const { required } of declared) expect(required, key).toBe(true);
    }
  });

  it('has a body for each operation that reads one, and an answer for each that gives one', () => {
    const withoutAnswer = operations.filter(({ operation }) => {
      const [status, answer] = Object.entries(operation.responses).find(([code]) => /^2/.test(code)) ?? [];
      return status === undefined || (status !== '204' && status !== '202' && answer!.content === undefined);
    });
    expect(withoutAnswer.map(({ key }) => key).filter((key) => !FREE_FORM.has(key))).toEqual([]);
    const withoutBody = operations.filter(
      ({ key, operation }) => /^(PUT|PATCH) /.test(key) && operation.requestBody === undefined,
    );
    expect(withoutBody.map(({ key }) => key)).toEqual([]);
  });

  it('holds only schemas that JSON Schema 2020-12 understands', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const schemas = operations.flatMap(({ key, operation }) => [
      ...(operation.parameters ?? []).map(({ schema }) => ({ key, schema })),
      ...contentsOf(operation.requestBody?.content).map((schema) => ({ key, schema })),
      ...Object.values(operation.responses).flatMap(({ content }) =>
        contentsOf(content).map((schema) => ({ key, schema })),
      ),
    ]);
    expect(schemas.length).toBeGreaterThan(60);
    for (const { key, schema } of schemas) expect(() => ajv.compile(schema), key).not.toThrow();
  });

  it('leads to nothing that it does not hold', () => {
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map((match) => match[1]!);
    expect(refs).toContain('/components/responses/Problem');
    for (const ref of new Set(refs)) {
      const found = ref
        .split('/')
        .slice(1)
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document);
      expect(found, ref).toBeDefined();
    }
  });

  it('describes what the gateway really answers', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const problem = contentsOf(document.components.responses.Problem.content)[0];
    for (const { key, operation } of operations) {
      const [method, path] = key.split(' ') as [string, string];
      if (method !== 'GET' || path.includes('{') || FREE_FORM.has(key)) continue;
      const { status, body } = await gateway.admin.get(path);
      const schema = contentsOf(operation.responses[status]?.content)[0] ?? problem;
      const validate = ajv.compile(schema!);
      expect(validate(body), `${key}: ${ajv.errorsText(validate.errors)}`).toBe(true);
    }
  });

  it('is for operators only', async () => {
    expect((await gateway.anonymous.get('/api/v1/openapi.json')).status).toBe(401);
  });
});

/** Answers whose form is not ours: GeoJSON. */
const FREE_FORM = new Set(['GET /api/v1/map/base']);

function contentsOf(content: Record<string, { schema: object }> | undefined): object[] {
  return Object.values(content ?? {}).flatMap(({ schema }) => (schema === undefined ? [] : [schema]));
}
