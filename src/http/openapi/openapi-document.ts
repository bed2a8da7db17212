import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { API_PREFIX } from '../api-prefix';
import { closeBodies } from './closed-bodies';
import { addCommonProblems } from './common-problems';
import { DESCRIPTION, TAGS } from './document-text';
import { type Operation, operationsOf } from './document-tree';
import { addExamples } from './examples';
import { PUBLIC_EXTENSION } from './extensions';
import { nameSchemas } from './named-schemas';
import { allowNullInBodies } from './nullable-bodies';

const USER_ID =
  'The user, as named by your gateway or back end: 1 to 128 characters of printable ASCII without spaces, commas, slashes, percent signs and quotes, compared exactly.';
const BEARER = 'An access token, an API key, or a token of your identity service.';
const ACCOUNT = "The username and password of an account of the service's own.";
const TOKEN_URL = `/${API_PREFIX}/auth/token`;

/**
 * The OpenAPI 3.1 document of the application. An operation's id is the name of its controller method.
 * @throws {Error} if two operations have the same id
 */
export function createOpenApiDocument(app: INestApplication): OpenAPIObject {
  // A copy, since what decorators say is shared by all documents, and this one is changed.
  const document = structuredClone(
    SwaggerModule.createDocument(app, baseDocument(), {
      autoTagControllers: false,
      operationIdFactory: (_controller, method) => method,
    }),
  );
  const operations = operationsOf(document);
  operations.forEach(openPublicOperation);
  assertUniqueIds(operations);
  addCommonProblems(document);
  nameSchemas(document);
  closeBodies(document);
  allowNullInBodies(document);
  addExamples(document);
  return document;
}

function baseDocument() {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Parley')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addServer('/', 'This server')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-User-ID', description: USER_ID }, 'userId')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: BEARER }, 'bearer')
    .addOAuth2(
      { type: 'oauth2', description: ACCOUNT, flows: { password: { tokenUrl: TOKEN_URL, scopes: {} } } },
      'account',
    )
    .addSecurityRequirements('userId')
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('account');
  for (const [tag, description] of Object.entries(TAGS)) builder.addTag(tag, description);
  return builder.build();
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
