// What the fake world says of workloads, Services, the mesh, the lab, Events and single requests: read off its topology.
import { iso, noise } from './story.mjs';

const away = 'Prometheus does not answer';
const in_namespaces = (items, namespaces) => items.filter((one) => namespaces.length === 0 || namespaces.includes(one.namespace));
const by_name = (a, b) => (`${a.namespace}/${a.name}` < `${b.namespace}/${b.name}` ? -1 : 1);
const none = { error: 0, warning: 0, info: 0 };
const unjudged = ['billing', 'platform'];

function nodes_of(world) {
  return world.topology(new URLSearchParams('window=60')).nodes;
}

function findings_of(world, namespace, name) {
  return world.validations([namespace]).items.filter((one) => one.object.name === name);
}
function counts_of(findings) {
  const count = (level) => findings.filter((one) => one.level === level).length;
  return { error: count('error'), warning: count('warning'), info: count('info') };
}

function numbers(world, node) {
  if (!world.prometheus_ok) return { rps: null, success: null, p99: null, reason: away };
  if (!node.in.rps) return { rps: 0, success: null, p99: null, reason: 'no requests in the last 60 s' };
  return { rps: node.in.rps, success: node.in.success ?? 0.999, p99: 120, reason: null };
}

export function workloads(world, namespaces, detailed = false) {
  const items = nodes_of(world)
    .filter((node) => node.kind === 'workload' || node.kind === 'gateway')
    .map((node) => {
      const findings = findings_of(world, node.namespace, node.release?.name ?? node.name);
      const is_bare = unjudged.includes(node.namespace) && !node.release;
      const one = {
        namespace: node.namespace, name: node.name, kind: 'Deployment', node: node.id, labels: { app: node.app ?? node.name, ...(node.version ? { version: node.version } : {}) }, images: [`registry.example.org/${node.app ?? node.name}:${node.version ?? '1.0.0'}`],
        replicas: node.replicas ?? { ready: 1, desired: 1 }, health: node.health,
        injection: is_bare ? { injected: false, revision: null, needsRestart: node.namespace === 'platform', reason: node.namespace === 'platform' ? '2 of 2 pods have no sidecar' : 'its namespace asks for none' } : { injected: true, revision: 'cp-v112x.istio-system', needsRestart: false, reason: null },
        ...numbers(world, node), release: node.release, validations: node.release ? counts_of(findings) : none,
      };
      if (!detailed) return one;
      const role = ['primary', 'canary', 'stable', 'preview'].includes(node.release?.role) ? node.release.role : 'other';
      const pods = Array.from({ length: one.replicas.desired }, (_, i) => ({ name: `${node.name}-7d9f6c-${'abcdefgh'[i % 8]}${i}`, revision: role, phase: i < one.replicas.ready ? 'Running' : 'Pending', ready: i < one.replicas.ready, restarts: 0, node: 'lab', startedAt: iso(-600), reason: i < one.replicas.ready ? null : 'ErrImagePull: no such image' }));
      return { now: world.now(), ...one, services: [`${node.namespace}/${node.app ?? node.name}`], ports: [{ name: 'http', containerPort: 9898, protocol: 'TCP' }], virtualServices: node.release ? [`${node.namespace}/${node.release.name}`] : [], destinationRules: node.release ? [`${node.namespace}/${node.release.name}-primary`] : [], pods, findings };
    });
  return in_namespaces(items, namespaces).sort(by_name);
}

export function gateway(world, namespace, name) {
  const one = world.gateways([namespace]).items.find((item) => item.name === name);
  if (!one) return null;
  const of_it = workloads(world, [namespace], true).find((item) => item.name === name);
  const about = [name, ...one.gateways.map((selected) => selected.name), ...one.virtualServices.map((bound) => bound.slice(bound.indexOf('/') + 1))];
  const findings = world.validations([namespace]).items.filter((item) => item.object.kind !== 'Canary' && about.includes(item.object.name));
  return { now: world.now(), ...one, pods: of_it?.pods ?? [], podsReason: null, certificates: certificates_of(one, world), findings };
}

export function services(world, namespaces, detailed = false) {
  const by_service = new Map();
  for (const node of nodes_of(world)) {
    if (node.kind !== 'workload' && node.kind !== 'gateway') continue;
    const name = node.name.replace(/-(primary|canary)$/, '');
    const key = `${node.namespace}/${name}`;
    by_service.set(key, [...(by_service.get(key) ?? []), node]);
  }
  const items = [...by_service].map(([key, members]) => {
    const [namespace, name] = [key.slice(0, key.indexOf('/')), key.slice(key.indexOf('/') + 1)];
    const total = members.reduce((sum, node) => sum + (node.replicas?.desired ?? 0), 0);
    const ready = members.reduce((sum, node) => sum + (node.replicas?.ready ?? 0), 0);
    const rps = members.reduce((sum, node) => sum + (node.in.rps ?? 0), 0);
    const findings = findings_of(world, namespace, name);
    const one = {
      namespace, name, node: `s/${key}`, type: members[0].kind === 'gateway' ? 'LoadBalancer' : 'ClusterIP', ports: [{ name: 'http', port: 9898, targetPort: 9898, protocol: 'http' }], selector: { app: name }, endpoints: { ready, total },
      workloads: members.map((node) => node.id), workloadKinds: members.map(() => 'Deployment'), virtualServices: members.some((node) => node.release) ? [key] : [], destinationRules: members.some((node) => node.release) ? [`${key}-primary`, `${key}-canary`] : [],
      health: members.find((node) => node.health.status === 'failure')?.health ?? (total > 0 && ready === 0 ? { status: 'failure', reasons: ['no endpoint is ready'] } : { status: rps ? 'healthy' : 'unknown', reasons: [] }),
      ...numbers(world, { in: { rps, success: members[0].in.success } }), validations: counts_of(findings),
    };
    return detailed ? { now: world.now(), ...one, findings } : one;
  });
  return in_namespaces(items, namespaces).sort(by_name);
}

export function mesh(world) {
  const is_empty = ['empty', 'forbidden'].includes(world.mode);
  const t = world.t();
  return {
    now: world.now(), problems: world.problems(), mirrorHost: is_empty ? null : 'shadow',
    controlPlanes: is_empty ? [] : [{ source: 'IstioControlPlane', namespace: 'istio-system', name: 'cp-v112x', revision: 'cp-v112x.istio-system', version: '1.12.9', status: 'Available', pods: { ready: 1, total: 1 }, tags: ['default'], injectionNamespaces: ['shop', 'test'] }],
    proxies: is_empty ? { total: 0, byVersion: {}, skewed: [], missing: [] } : { total: 24, byVersion: { '1.12.9': 22, '1.11.4': 2 }, skewed: ['shop/search-primary'], missing: ['platform/emails-primary'] },
    mtls: is_empty ? [] : [{ namespace: 'shop', mode: 'STRICT', source: 'shop/default' }, { namespace: 'test', mode: 'UNSET', source: null }],
    prometheus: { url: 'http://127.0.0.1:9301/prometheus', ok: world.prometheus_ok, version: world.prometheus_ok ? '2.42.0+ds' : null, lookback: world.prometheus_ok ? 30 : null, retention: world.prometheus_ok ? '6h' : null, scrapeInterval: world.prometheus_ok ? 1 : null, lastError: world.prometheus_ok ? null : 'no answer in 5 s', since: iso(world.prometheus_ok ? -3600 : t - 14) },
    istioApi: is_empty ? { versions: [], used: null } : { versions: ['v1', 'v1beta1', 'v1alpha3'], used: 'v1' },
    apiServer: { ok: world.api_ok, error: world.api_ok ? null : 'connection refused', since: iso(world.api_ok ? -3600 : t - 31) },
    caches: [['canaries', 12, 41_000], ['deployments', 31, 122_000], ['events', 240, 310_000], ['pods', 62, 402_000], ['services', 44, 71_000]].map(([kind, objects, bytes]) => ({ kind, objects, bytes, synced: true, lastContact: iso(t - 2), error: null })),
  };
}

export function queries(window) {
  const requests = (range) => `sum(rate(istio_requests_total{reporter="destination"}[${range}s])) by (destination_workload_namespace,destination_workload,response_code)`;
  return {
    now: iso(0), refresh: 2,
    items: [
      { numbers: 'Requests and success of workloads and of both versions as the app reports them: each try', window: 60, query: requests(60) },
      { numbers: 'Tries and mTLS of edges, Services and gateways, as the called side reports; of callers without a proxy also their requests, codes and flags', window, query: requests(window) },
    ],
  };
}

const no_process = { pid: null, cpuSeconds: null, memory: null, reason: "a part of the lab's own process" };
export function object_yaml(world, kind, ns, name) {
  const kinds = { virtualservice: 'VirtualService', destinationrule: 'DestinationRule', gateway: 'Gateway', istiomeshgateway: 'IstioMeshGateway' };
  const specs = {
    virtualservice: '  hosts:\n    - "*"\n  gateways:\n    - public-gateway\n  http:\n    - route:\n        - destination:\n            host: podinfo-primary\n          weight: 40\n        - destination:\n            host: podinfo-canary\n          weight: 60\n      retries:\n        attempts: 3\n        perTryTimeout: 1s\n',
    destinationrule: `  host: ${name}\n  trafficPolicy:\n    tls:\n      mode: DISABLE\n`,
    gateway: '  selector:\n    gateway-name: test-imgw\n  servers:\n    - port:\n        number: 80\n        name: http\n        protocol: HTTP\n      hosts:\n        - "*"\n',
  };
  return { now: world.now(), yaml: `apiVersion: networking.istio.io/v1beta1\nkind: ${kinds[kind]}\nmetadata:\n  name: ${name}\n  namespace: ${ns}\nspec:\n${specs[kind] ?? '  type: ingress\n'}` };
}

export function lab(world) {
  const process = { pod: false, app: null, state: 'Running', ready: null, restarts: null, listens: [], takesFaults: false, takesNoneWhy: null, reason: null };
  const pods = workloads(world, ['test'], true).flatMap((one) => one.pods ?? []).map((pod, i) => {
    const name = `test/${pod.name}`;
    return { name, pod: true, app: pod.name.includes('imgw') ? 'echo' : 'podinfo', state: pod.phase, ready: pod.ready, restarts: world.crashes?.get(name) ?? 0, listens: [`127.64.0.${i + 2}:9898`], takesFaults: !pod.name.includes('imgw'), takesNoneWhy: pod.name.includes('imgw') ? "a gateway: the lab's proxy answers in its place" : null, ...no_process };
  });
  return {
    now: world.now(),
    processes: [
      { ...process, name: 'sluice lab', pid: 4711, cpuSeconds: 12.4, memory: 96 * 1024 * 1024 },
      { ...process, name: 'prometheus', pid: 4712, cpuSeconds: 3.1, memory: 118 * 1024 * 1024 },
      ...pods,
      { name: 'smm-system/flagger-7c8d5', pod: true, app: 'in-process', state: 'Running', ready: true, restarts: 0, listens: [], takesFaults: false, takesNoneWhy: 'a part of the lab itself', ...no_process },
    ],
    faults: [...(world.faults ?? new Map()).values()],
    load: world.loads ?? [],
    proxy: { rps: 20.1, requests: 4021, threads: 1, split: 'deck', series: 812, reason: null },
  };
}
// One with a sidecar has two containers, and one that was ended begins anew.
export function pod_log(world, pod, parameters) {
  const containers = pod.includes('primary') ? ['podinfod', 'istio-proxy'] : ['podinfod'];
  const container = parameters.get('container') || containers[0];
  const tail = Math.min(200, Number(parameters.get('tail') ?? 200));
  const lines = Array.from({ length: 3 + (world.crashes?.get(pod) ?? 0) }, (_, i) => `{"level":"info","container":"${container}","msg":"<b>line ${i + 1}</b>"}`);
  const is_waiting = world.mode === 'odd';
  return { now: world.now(), pod, container, containers, text: is_waiting ? '' : lines.slice(-tail).map((line) => `${line}\n`).join(''), cut: false, reason: is_waiting ? `container "${container}" in pod "${pod.slice(pod.indexOf('/') + 1)}" is waiting to start: ContainerCreating` : null };
}
export function lab_news(world) {
  return { now: world.now(), load: world.loads ?? [] };
}
// What the binary says of a field; the rest it takes.
export function set_fault(world, pod, wanted) {
  const ratio = wanted.errorRatio ?? 0;
  if (typeof ratio !== 'number' || ratio < 0 || ratio > 1) return 'errorRatio is not in 0..1';
  const { p50 = 0, p99 = p50 } = wanted.latencyMs ?? {};
  for (const [field, value] of [['p50', p50], ['p99', p99]]) if (typeof value !== 'number' || value < 0 || value > 60_000) return `latencyMs.${field} is not in 0..60000`;
  if (p50 > p99) return 'latencyMs.p50 is above latencyMs.p99';
  const { hang = false, slowStart = 0 } = wanted;
  if (typeof hang !== 'boolean') return 'hang is neither true nor false';
  if (typeof slowStart !== 'number' || slowStart < 0 || slowStart > 600) return 'slowStart is not in 0..600';
  world.faults ??= new Map();
  if (p99 === 0 && ratio === 0 && !hang && slowStart === 0) world.faults.delete(pod);
  else world.faults.set(pod, { pod, latencyMs: { p50, p99 }, errorRatio: ratio, hang, slowStart });
  return null;
}
export function crash(world, pod) {
  world.crashes ??= new Map();
  world.crashes.set(pod, (world.crashes.get(pod) ?? 0) + 1);
  // What was stuck is started again.
  const fault = world.faults?.get(pod);
  if (fault?.hang) set_fault(world, pod, { ...fault, hang: false });
}
export function try_gateway(world, { gateway, path = '/', host = 'podinfo.example.org' }) {
  const is_late = path.startsWith('/delay/');
  return {
    now: world.now(),
    gateway,
    url: `http://127.112.0.1${path}`,
    host,
    milliseconds: is_late ? 10_000 : 3.4,
    answer: is_late ? null : { status: path === '/status/500' ? 500 : 200, headers: [['Content-Type', 'application/json; charset=utf-8'], ['Set-Cookie', '•••']], body: '{\n  "hostname": "podinfo-primary-7d9f6c-a0",\n  "version": "6.0.0"\n}\n', cut: false },
    reason: is_late ? 'timed out after 10s' : null,
    route: is_late ? null : { route: 'test/podinfo#0', destination: 'test/podinfo-primary', service: 'podinfo-primary.test.svc.cluster.local', pod: '127.64.0.2', code: path === '/status/500' ? 500 : 200, flags: '-', tries: 1 },
  };
}

let started = 0;
export function send_load(world, { gateway, qps = 20, seconds = 60, path = '/' }) {
  const t = world.t();
  const run = { id: `load-${(started += 1)}`, gateway, url: `http://127.112.0.1${path}`, workers: 2, qps, state: 'running', startedAt: iso(t), until: iso(t + seconds), sent: 240, ok: 238, failed: 2, p99: 84, reason: 'the answer was 503' };
  world.loads = [run, ...(world.loads ?? [])].slice(0, 20);
  return { now: world.now(), ...run };
}
export function stop_load(world, id) {
  const run = (world.loads ?? []).find((one) => one.id === id);
  if (!run) return null;
  if (run.state === 'running') Object.assign(run, { state: 'stopped', until: world.now() });
  return { now: world.now(), ...run };
}

export function events(world, namespaces, type) {
  const all = ['empty', 'forbidden'].includes(world.mode) ? [] : world.events();
  return all.filter((one) => (namespaces.length === 0 || namespaces.includes(one.object.namespace)) && (!type || one.type === type));
}

// Twenty requests a second through the article's gateway, each a function of its number.
export function requests(world, parameters, count) {
  const last = Math.floor(world.t() * 20);
  const one = world.podinfo(world.t());
  const rows = [];
  for (let n = last; n > last - count; --n) {
    const t = n / 20;
    const is_canary = Math.abs(noise(n, t * 20)) * 100 < one.weight.desired;
    const is_bad = is_canary && one.severity === 'failure' && n % 7 === 0;
    rows.push({ id: `r${n}`, t: iso(t), src: 'test/test-imgw', dst: is_canary ? 'test/podinfo' : 'test/podinfo-primary', pod: '127.112.1.4:9898', svc: is_canary ? 'podinfo-canary.test.svc.cluster.local' : 'podinfo-primary.test.svc.cluster.local', method: n % 9 === 0 ? 'POST' : 'GET', authority: 'podinfo.example.org', path: n % 9 === 0 ? '/echo' : '/', code: is_bad ? 500 : n % 31 === 0 ? 404 : 200, flags: '-', ms: 4 + (n % 13), up: 3 + (n % 13), attempt: 1, route: 'test/podinfo#0', in: 0, out: 412, headers: [['user-agent', 'hey/0.0.1'], ['authorization', '•••'], ['x-request-id', `f3a1-${n}`]] });
  }
  const wanted = Object.fromEntries(['workload', 'code', 'path', 'method', 'dir', 'header'].map((name) => [name, parameters.get(name) ?? '']));
  const [header, value = ''] = wanted.header.split(/:(.*)/s).map((part) => part.trim().toLowerCase());
  const namespaces = (parameters.get('ns') ?? '').split(',').filter(Boolean);
  const is_side = (whose) => whose !== 'unknown' && whose.includes(wanted.workload) && (namespaces.length === 0 || namespaces.includes(whose.split('/')[0]));
  return rows.filter(
    (row) =>
      (wanted.dir ? is_side(wanted.dir === 'in' ? row.dst : row.src) : is_side(row.src) || is_side(row.dst)) &&
      (!wanted.code || String(row.code).startsWith(wanted.code.replace('xx', ''))) &&
      (!wanted.path || row.path.includes(wanted.path)) &&
      (!wanted.method || row.method === wanted.method) &&
      (!header || row.headers.some(([name, text]) => name === header && text.includes(value))),
  );
}

export function tap(world, parameters) {
  const available = !['empty', 'forbidden', 'idle'].includes(world.mode);
  return { now: world.now(), available, reason: available ? null : 'not available without an access-log service', topic: available ? `tap:${encodeURIComponent(parameters.toString()) || 'all'}` : null, dropped: 0, items: available ? requests(world, parameters, Math.min(400, Number(parameters.get('limit') ?? 500))) : [] };
}

function certificates_of(gateway, world) {
  const named = gateway.gateways.flatMap((one) => one.servers).filter((server) => server.credentialName);
  const after = (days) => new Date(Date.parse(world.now()) + (days * 24 + 1) * 3_600_000).toISOString();
  return named.map((server) => ({ secret: `${gateway.namespace}/${server.credentialName}`, hosts: server.hosts, names: server.hosts, notAfter: after(12), reason: null }));
}
