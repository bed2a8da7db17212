import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { PUBLIC_EXTENSION } from './extensions';

type PathItem = OpenAPIObject['paths'][string];
type Operation = NonNullable<PathItem['get']> & { [PUBLIC_EXTENSION]?: boolean };

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const;
const DESCRIPTION = `A self-hosted, headless chat backend: conversations, streamed replies and feedback.

Every error is \`application/problem+json\` with a stable \`code\`. Lists are paged with opaque cursors. What belongs to somebody
else answers exactly like what does not exist.`;

/**
 * The OpenAPI 3.1 document of the application. An operation's id is the name of its controller method.
 * @throws {Error} if two operations have the same id
 */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, baseDocument(), {
    operationIdFactory: (_controller, method) => method,
  });
  const operations = Object.values(document.paths).flatMap(operationsOf);
  operations.forEach(openPublicOperation);
  assertUniqueIds(operations);
  return document;
}

function baseDocument() {
  return new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Parley')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addServer('/', 'This server')
    .addApiKey(
      { type: 'apiKey', in: 'header', name: 'X-User-ID', description: 'The user, as named by your gateway.' },
      'userId',
    )
    .addSecurityRequirements('userId')
    .build();
}

function operationsOf(path: PathItem): Operation[] {
  return METHODS.map((method) => path[method]).filter((operation) => operation !== undefined);
}

function openPublicOperation(operation: Operation): void {
  if (operation[PUBLIC_EXTENSION]) operation.security = [];
  delete operation[PUBLIC_EXTENSION];
}

function assertUniqueIds(operations: Operation[]): void {
  const ids = operations.map(({ operationId }) => operationId);
  const repeated = ids.filter((id, index) => ids.indexOf(id) !== index);
  if (repeated.length > 0) throw new Error(`Operation ids must be unique: ${repeated.join(', ')}`);
}
