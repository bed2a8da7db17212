import { NestFactory } from '@nestjs/core';
import { writeFileSync } from 'node:fs';
import { AppModule } from './app.module';
import { prefixRoutes } from './app.setup';
import { createOpenApiDocument } from './http/openapi/openapi-document';

/** Writes the OpenAPI document to the file that is named on the command line. Nothing is instantiated: no database, no configuration. */
export async function writeOpenApi(path = 'openapi.json'): Promise<void> {
  const app = await NestFactory.create(AppModule, { preview: true, logger: false, abortOnError: false });
  prefixRoutes(app);
  writeFileSync(path, `${JSON.stringify(createOpenApiDocument(app), undefined, 2)}\n`);
}

// Not where a test imports it.
if (require.main === module) void writeOpenApi(process.argv[2]);
