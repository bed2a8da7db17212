import 'reflect-metadata';
import '../statements/record';
import { Logger } from '@nestjs/common';
// Its entry does not export it.
import { __resetOutOfContextForTests as forgetLogger } from '../../node_modules/nestjs-pino/dist/esm/PinoLogger.js';

// The first application of a process has the log of whatever happens outside of a request: here the first one of each file.
forgetLogger();
// Nor does the log of the last application of the file before.
Logger.overrideLogger(false);
