/** `node run-typescript.cjs file.ts`: a plain Node process that runs the sources, for tests that kill it. */
const { readFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { transformSync } = require('@swc/core');

const options = {
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: { legacyDecorator: true, decoratorMetadata: true },
    keepClassNames: true,
  },
  module: { type: 'commonjs' },
};

// eslint-disable-next-line no-underscore-dangle -- Node has no other name for it
Module._extensions['.ts'] = (module, filename) => {
  // eslint-disable-next-line no-underscore-dangle
  module._compile(transformSync(readFileSync(filename, 'utf8'), { ...options, filename }).code, filename);
};

require(path.resolve(process.argv[2]));
