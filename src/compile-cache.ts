import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// What V8 makes of the modules is kept where packages keep what can be made again, so that the next start need not compile them: a tenth of the time
// until it is ready. Where nothing can be written, all is compiled each time.
enableCompileCache(join(__dirname, '../../node_modules/.cache/parley'));
