// @vitest-environment node
// The fake server against web/openapi.yaml: what the page is tested with is what the contract says.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { parse } from 'yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
// @ts-expect-error The fake server is plain JavaScript.
import { modes, start } from '../../dev/server.mjs';

interface Server {
  url: string;
  stop(): Promise<void>;
}
interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
type Document = { paths: Record<string, Record<string, Operation>>; components: Record<string, Record<string, Record<string, unknown>>> };

const document = parse(readFileSync(new URL('../../../openapi.yaml', import.meta.url), 'utf8')) as Document;

// A field that the contract doesn't name is a mistake here, though clients must bear it.
function closed(schema: unknown): void {
  if (Array.isArray(schema)) schema.forEach(closed);
  else if (schema && typeof schema === 'object') {
    const one = schema as Record<string, unknown>;
    if (one['properties'] && one['additionalProperties'] === undefined) one['additionalProperties'] = false;
    Object.values(one).forEach(closed);
  }
}
closed(document.components['schemas']);
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'contract', ...document }, 'contract');

function check(schema: string, body: unknown): void {
  const validate = ajv.getSchema(`contract#/components/schemas/${schema}`);
  if (!validate) throw new Error(`no schema ${schema}`);
  validate(body);
  expect((validate.errors ?? []).slice(0, 5), schema).toEqual([]);
}

const gets: [string, string][] = [
  ['session', 'Session'],
  ['overview', 'Overview'],
  ['overview?ns=test', 'Overview'],
  ['releases', 'ReleaseList'],
  ['releases?limit=3', 'ReleaseList'],
  ['releases/canary/test/podinfo', 'Release'],
  ['releases/canary/test/podinfo/metrics?window=300', 'Comparison'],
  ['releases/canary/test/podinfo/yaml', 'ReleaseYaml'],
  ['releases/canary/test/podinfo/images', 'Images'],
  ['topology', 'Topology'],
  ['topology?ns=test&window=60', 'Topology'],
  ['topology?type=service', 'Topology'],
  ['topology?type=app', 'Topology'],
  ['topology?ns=test&type=versionedApp', 'Topology'],
  ['metrics/node/w%2Ftest%2Fpodinfo?window=60', 'Metrics'],
  ['gateways', 'GatewayList'],
  ['metrics/node/w%2Ftest%2Ftest-imgw?window=60', 'Metrics'],
  ['validations', 'ValidationList'],
  ['workloads', 'WorkloadList'],
  ['workloads/test/deployment/podinfo', 'Workload'],
  ['services?ns=test', 'ServiceList'],
  ['services/test/podinfo', 'Service'],
  ['events', 'EventList'],
  ['mesh', 'Mesh'],
  ['queries?window=60', 'Queries'],
  ['lab', 'Lab'],
  ['tap?ns=test', 'Tap'],
];

describe.each(modes.filter((mode: string) => mode !== 'slow') as string[])('in the situation %s', (mode) => {
  let server: Server;
  beforeAll(async () => {
    server = await (start as (options: object) => Promise<Server>)({ mode, t: 108, frozen: true });
  });
  afterAll(() => server.stop());

  it('every answer is one of the contract', async () => {
    for (const [path, schema] of gets) {
      const response = await fetch(`${server.url}/api/ui/v1/${path}`);
      const body: unknown = await response.json();
      check(response.ok ? schema : 'ErrorBody', body);
    }
  });
});

describe('at every moment of the story', () => {
  it('a release is one of the contract', async () => {
    for (let t = 0; t < 150; t += 6) {
      const server = await (start as (options: object) => Promise<Server>)({ t, frozen: true });
      const response = await fetch(`${server.url}/api/ui/v1/releases/canary/test/podinfo`);
      check('Release', await response.json());
      await server.stop();
    }
  });
});

describe('the stream', () => {
  it('sends what the contract says, and goes on from an id', async () => {
    const server = await (start as (options: object) => Promise<Server>)({ t: 103 });
    const schemas: Record<string, string> = { hello: 'Hello', reset: 'Reset', release: 'Release', 'release-detail': 'Release', overview: 'Overview', topology: 'TopologyPatch', lab: 'LabNews', event: 'Event' };
    const seen = new Set<string>();
    let last = '';
    const topic = ((await (await fetch(`${server.url}/api/ui/v1/topology?ns=test`)).json()) as { topic: string }).topic;
    const read = async (headers: Record<string, string>, enough: () => boolean) => {
      const abort = new AbortController();
      const topics = ['releases', 'overview', 'release:canary/test/podinfo', 'lab', 'tap:all', topic].map(encodeURIComponent).join(',');
      const response = await fetch(`${server.url}/api/ui/v1/stream?topics=${topics}`, { headers, signal: abort.signal });
      let text = '';
      for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
        text += new TextDecoder().decode(part);
        const whole = text.split('\n\n');
        text = whole.pop() ?? '';
        for (const message of whole) {
          const event = /^event: (.*)$/m.exec(message)?.[1] ?? '';
          const data = /^data: (.*)$/m.exec(message)?.[1] ?? 'null';
          last = /^id: (.*)$/m.exec(message)?.[1] ?? last;
          seen.add(event);
          const body: unknown = JSON.parse(data);
          if (event === 'tap') for (const row of body as unknown[]) check('TapRow', row);
          else check(schemas[event] ?? 'missing', body);
        }
        if (enough()) break;
      }
      abort.abort();
    };
    await read({}, () => ['hello', 'release', 'release-detail', 'overview', 'topology', 'lab', 'tap'].every((one) => seen.has(one)));
    seen.clear();
    await read({ 'Last-Event-ID': last }, () => seen.size >= 2);
    expect(seen.has('reset')).toBe(false);
    seen.clear();
    await read({ 'Last-Event-ID': 'of-another-process-7' }, () => seen.has('reset'));
    await server.stop();
  }, 20_000);
});

describe('actions', () => {
  let server: Server;
  const seen = { uid: 'uid-test-podinfo', revision: 'rev-620', phase: 'Progressing' };
  const act = async (verb: string, body: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/api/ui/v1/releases/canary/test/podinfo/actions/${verb}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Sluice-CSRF': 'c5rf', ...headers }, body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as { error?: { code: string } } };
  };
  beforeAll(async () => {
    server = await (start as (options: object) => Promise<Server>)({ t: 108, frozen: true });
  });
  afterAll(() => server.stop());

  it('are refused as the contract says, and carried out', async () => {
    const refused = [
      [await act('abort', { seen }, { 'X-Sluice-CSRF': 'old' }), 403, 'csrf'],
      [await act('abort', {}), 400, 'bad_request'],
      [await act('retry', { seen }), 422, 'not_allowed_now'],
      [await act('abort', { seen: { ...seen, phase: 'Waiting' } }), 409, 'changed'],
      [await act('abort', { seen, reason: 'x'.repeat(20_000) }), 413, 'too_large'],
    ] as const;
    for (const [answer, status, code] of refused) {
      expect(answer.status).toBe(status);
      check('ErrorBody', answer.body);
      expect(answer.body.error?.code).toBe(code);
    }
    const load = async (method: string, path: string, body?: unknown) => {
      const response = await fetch(`${server.url}/api/ui/v1/lab/load${path}`, { method, headers: { 'Content-Type': 'application/json', 'X-Sluice-CSRF': 'c5rf' }, ...(body ? { body: JSON.stringify(body) } : {}) });
      return { status: response.status, body: (await response.json()) as { id: string; state: string } };
    };
    const run = await load('POST', '', { gateway: 'test/test-imgw', qps: 5 });
    expect(run.status).toBe(202);
    check('LoadRun', run.body);
    const stopped = await load('DELETE', `/${run.body.id}`);
    check('LoadRun', stopped.body);
    expect(stopped.body.state).toBe('stopped');
    check('ErrorBody', (await load('POST', '', { gateway: 'test/nobody' })).body);

    const trial = async (method: string, path: string, body: unknown) => {
      const response = await fetch(`${server.url}/api/ui/v1/lab/${path}`, { method, headers: { 'Content-Type': 'application/json', 'X-Sluice-CSRF': 'c5rf' }, body: JSON.stringify(body) });
      return (await response.json()) as object;
    };
    const lab = (await (await fetch(`${server.url}/api/ui/v1/lab`)).json()) as { processes: { name: string; pod: boolean }[] };
    const pod = lab.processes.find((one) => one.pod)?.name ?? '';
    check('FaultSet', await trial('PUT', `faults/${pod}`, { latencyMs: { p50: 5 }, errorRatio: 0.5 }));
    check('Lab', await (await fetch(`${server.url}/api/ui/v1/lab`)).json());
    check('FaultSet', await trial('DELETE', `faults/${pod}`, {}));
    check('ErrorBody', await trial('PUT', `faults/${pod}`, { errorRatio: 2 }));
    check('Crashed', await trial('POST', `crash/${pod}`, {}));
    check('ErrorBody', await trial('POST', 'crash/test/nobody', {}));
    check('Tried', await trial('POST', 'try', { gateway: 'test/test-imgw' }));
    check('Tried', await trial('POST', 'try', { gateway: 'test/test-imgw', path: '/delay/60' }));

    const done = await act('abort', { seen, reason: 'a test' });
    expect(done.status).toBe(202);
    check('ActionAccepted', done.body);
  });
});
