import { Problem } from '@corridor/contracts';
import { type INestApplication, Inject, Injectable } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { CSRF_HEADER, SESSION_COOKIE } from '../auth/operator-sessions.js';

/** The OpenAPI 3.1 document of the REST API, made from the routes and the schemas that check them. */
@Injectable()
export class OpenApi {
  #make: (() => OpenAPIObject) | undefined;
  #document: OpenAPIObject | undefined;

  constructor(
    @Inject(DiscoveryService) private readonly discovery: DiscoveryService,
    @Inject(MetadataScanner) private readonly scanner: MetadataScanner,
  ) {}

  describe(app: INestApplication): void {
    this.#make = () => {
      this.#noteParameters();
      return makeDocument(app);
    };
  }

  /** Made when it is first asked for: most gateways are never asked. */
  document(): OpenAPIObject {
    if (this.#make === undefined) throw new Error('the application is not described yet');
    this.#document ??= this.#make();
    return this.#document;
  }

  /**
   * Swagger looks at a method's parameters only where the compiler noted their types, which ours does not: what they are is
   * said by their schemas. So each method gets a note that says nothing.
   */
  #noteParameters(): void {
    for (const { instance } of this.discovery.getControllers()) {
      const prototype = Object.getPrototypeOf(instance);
      for (const name of this.scanner.getAllMethodNames(prototype)) {
        const types = Array(prototype[name].length).fill(Object);
        Reflect.defineMetadata('design:paramtypes', types, prototype, name);
      }
    }
  }
}

function makeDocument(app: INestApplication): OpenAPIObject {
  const head = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Corridor gateway')
    .setDescription(
      `Fleet, policies and telemetry. Operators authorise with the session cookie (and, for everything but GET, its CSRF token in ${CSRF_HEADER}) or with an API token; devices with their access token. Refusals are problem documents (RFC 9457) with a stable \`code\`.`,
    )
    .setVersion('1')
    .addCookieAuth(SESSION_COOKIE, { type: 'apiKey', in: 'cookie' }, 'session')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'corridor_…' }, 'token')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' }, 'device')
    .build();
  const document = SwaggerModule.createDocument(app, head, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
    standardSchemaConverter: (schema, { schemaType }) => {
      return schema instanceof z.ZodType ? { schema: jsonSchema(schema, schemaType) } : undefined;
    },
  });
  return withProblems(document);
}

const PROBLEM = { $ref: '#/components/responses/Problem' };

/** Every operation may be refused, in the same form. */
function withProblems(document: OpenAPIObject): OpenAPIObject {
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path as Record<string, { responses?: Record<string, unknown> }>)) {
      operation.responses = { ...operation.responses, default: PROBLEM };
    }
  }
  const schema = jsonSchema(Problem, 'output') as never;
  const responses = {
    Problem: {
      description: 'Refused: why, for people and programs',
      content: { 'application/problem+json': { schema } },
    },
  };
  return { ...document, components: { ...document.components, responses } };
}

/** OpenAPI 3.1 schemas are JSON Schema 2020-12; what a transform makes of a value has none. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  return json;
}
