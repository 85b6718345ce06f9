import { type INestApplication, Injectable } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { z } from 'zod';
import { CSRF_HEADER, SESSION_COOKIE } from '../auth/operator-sessions.js';

/** The OpenAPI 3.1 document of the REST API, made from the routes and the schemas that check them. */
@Injectable()
export class OpenApi {
  #make: (() => OpenAPIObject) | undefined;
  #document: OpenAPIObject | undefined;

  describe(app: INestApplication): void {
    this.#make = () => makeDocument(app);
  }

  /** Made when it is first asked for: most gateways are never asked. */
  document(): OpenAPIObject {
    if (this.#make === undefined) throw new Error('the application is not described yet');
    this.#document ??= this.#make();
    return this.#document;
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
  return SwaggerModule.createDocument(app, head, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
    standardSchemaConverter: (schema, { schemaType }) => {
      if (!(schema instanceof z.ZodType)) return undefined;
      // OpenAPI 3.1 schemas are JSON Schema 2020-12; what a transform makes of a value has none.
      const { $schema: _, ...json } = z.toJSONSchema(schema, {
        io: schemaType,
        unrepresentable: 'any',
        reused: 'inline',
      });
      return { schema: json };
    },
  });
}
