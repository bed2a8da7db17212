import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { parseAppConfig } from '../../src/config/environment';
import { SECRETS } from '../../src/config/secret-files';
import { VARIABLES } from '../../src/config/variables';

const ROOT = join(__dirname, '../..');
const page = readFileSync(join(ROOT, 'docs/operate.md'), 'utf8');
const block = (language: string) =>
  new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(page)![1];
const graceS = parseAppConfig({}).chat.shutdownGraceMs / 1000;
const isVariable = (name: string) => name in VARIABLES || SECRETS.some((secret) => name === `${secret}_FILE`);

interface Manifest {
  kind: string;
  spec: {
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        containers: {
          env: { name: string }[];
          lifecycle: { preStop: { sleep: { seconds: number } } };
          livenessProbe: { httpGet: { path: string } };
          readinessProbe: { httpGet: { path: string } };
        }[];
      };
    };
  };
}

it('shows manifests with the probes, the variables and the time that the service has', () => {
  const yaml = /^## Kubernetes[\s\S]*?^```yaml\n([\s\S]*?)^```$/m.exec(page)![1];
  const documents = parseAllDocuments(yaml);
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  const manifests = documents.map((document) => document.toJS() as Manifest);
  expect(manifests.map(({ kind }) => kind)).toEqual([
    'Secret',
    'Deployment',
    'Service',
    'PodDisruptionBudget',
  ]);
  const { containers, terminationGracePeriodSeconds } = manifests[1].spec.template.spec;
  const [{ env, lifecycle, livenessProbe, readinessProbe }] = containers;
  expect(env.map(({ name }) => name).filter((name) => !isVariable(name))).toEqual([]);
  expect(livenessProbe.httpGet.path).toBe('/health/live');
  expect(readinessProbe.httpGet.path).toBe('/health/ready');
  expect(terminationGracePeriodSeconds).toBeGreaterThan(graceS + lifecycle.preStop.sleep.seconds);
});

it('shows a unit that starts as npm run start:prod does, and is given time to stop', () => {
  const unit = block('ini');
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const command = scripts['start:prod'].replace('scripts/start-built.cjs', 'dist/src/main.js');
  expect(unit).toContain(`ExecStart=/usr/bin/${command}\n`);
  expect(Number(/TimeoutStopSec=(\d+)/.exec(unit)![1])).toBeGreaterThan(graceS);
  const names = [...unit.matchAll(/[= ]([A-Z_]{4,})=/g)].map(([, name]) => name);
  expect(names).toEqual(['NODE_ENV', 'DATA_DIR', 'AUTH_PROXY_SECRET_FILE']);
  expect(names.filter((name) => !isVariable(name))).toEqual([]);
});
