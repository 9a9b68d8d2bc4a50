// A server that speaks web/openapi.yaml with a made-up world, for working on the page and for its tests. Nothing of it ships.
// What the contract doesn't have is under /dev/: situations and the story's time.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import * as lists from './lists.mjs';
import { key_of, modes, World } from './world.mjs';

const dist = new URL('../../dist/', import.meta.url);
const types = { 'app.js': 'text/javascript', 'app.css': 'text/css', 'icon.svg': 'image/svg+xml' };
export const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const keep_ms = 60_000;
const keep_events = 4096;

export function start({ port = 0, mode = 'story', t = 0, frozen = false, base = '' } = {}) {
  const world = new World({ mode, t, frozen });
  const epoch = `e${process.pid}${Math.floor(performance.now() * 1000)}`;
  const streams = new Set();
  // By topic, since which number it is told: who resumes with one that was not told by then has missed something.
  const told_since = new Map();
  let kept = [];
  let sequence = 0;
  let silent = false;
  let requests = 0;
  const seen = new Map();

  function write(stream, { id, event, data }) {
    stream.response.write(`${id ? `id: ${id}\n` : ''}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  function emit(topic, event, data) {
    sequence += 1;
    const message = { id: `${epoch}-${sequence}`, topic, event, data, at: performance.now() };
    kept.push(message);
    if (kept.length > keep_events || message.at - kept[0].at > keep_ms) kept = kept.filter((one) => message.at - one.at <= keep_ms).slice(-keep_events);
    if (silent) return;
    for (const stream of streams) if (stream.topics.includes(topic)) write(stream, message);
  }

  // What has changed since the last look, four times a second as the contract bounds it.
  let overview_text = '';
  let finding_text = '';
  let event_text = '';
  let ticks = 0;
  function look() {
    ticks += 1;
    const list = world.releases();
    const there = new Set();
    for (const one of list) {
      const key = key_of(one);
      there.add(key);
      const text = JSON.stringify(one);
      if (seen.get(key) === text) continue;
      const is_known = seen.has(key);
      seen.set(key, text);
      if (!is_known && ticks === 1) continue;
      emit('releases', 'release', world.light(one));
      emit(`release:${key}`, 'release-detail', world.detailed(one));
    }
    for (const key of [...seen.keys()]) {
      if (there.has(key)) continue;
      seen.delete(key);
      const [kind, namespace, name] = key.split('/');
      const data = { kind: kind === 'canary' ? 'Canary' : 'Rollout', namespace, name, uid: '', at: world.now() };
      emit('releases', 'release-deleted', data);
      emit(`release:${key}`, 'release-deleted', data);
    }
    if (ticks % 4 === 0) {
      const overview = world.overview();
      const text = JSON.stringify({ ...overview, now: '' });
      if (text !== overview_text) emit('overview', 'overview', overview);
      overview_text = text;
      const findings = world.validations();
      const finding = JSON.stringify(findings.items);
      if (finding_text && finding !== finding_text) emit('validations', 'validation', { now: world.now(), upsert: findings.items, remove: [], counts: findings.counts });
      finding_text = finding;
    }
    if (ticks % 8 === 0) {
      for (const topic of new Set([...streams].flatMap((stream) => stream.topics).filter((one) => one.startsWith('topology:')))) {
        const text = decodeURIComponent(topic.slice('topology:'.length));
        const { nodes, edges, at, problems } = world.topology(new URLSearchParams(text === 'all' ? '' : text));
        emit(topic, 'topology', { now: world.now(), at, topic, problems, patch: { nodes: { upsert: nodes, remove: [] }, edges: { upsert: edges, remove: [] } } });
      }
    }
    for (const topic of new Set([...streams].flatMap((stream) => stream.topics))) {
      if (topic.startsWith('tap:')) {
        const text = decodeURIComponent(topic.slice(4));
        const rows = world.frozen ? [] : lists.requests(world, new URLSearchParams(text === 'all' ? '' : text), 5).reverse();
        if (rows.length) emit(topic, 'tap', rows);
      } else if (topic === 'lab' && ticks % 4 === 0) emit('lab', 'lab', lists.lab_news(world));
      else if (topic === 'events') {
        const newest = world.events()[0];
        if (newest && JSON.stringify(newest) !== event_text) emit('events', 'event', newest);
        event_text = JSON.stringify(newest);
      }
    }
    if (world.mode === 'flood') for (const one of list.slice(0, 8)) for (let i = 0; i < 31; ++i) emit('releases', 'release', world.light({ ...one, resourceVersion: `${sequence}` }));
  }
  look();
  const looking = setInterval(look, 250);
  const alive = setInterval(() => {
    if (!silent) for (const stream of streams) stream.response.write(':\n\n');
  }, 15_000);

  function json(response, status, body, request) {
    const text = JSON.stringify(body);
    const common = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' };
    if (status === 200) {
      const tag = `"${createHash('sha256').update(JSON.stringify({ ...body, now: '' })).digest('base64url').slice(0, 20)}"`;
      if (request.headers['if-none-match'] === tag) {
        response.writeHead(304, { ETag: tag });
        response.end();
        return;
      }
      common.ETag = tag;
    }
    response.writeHead(status, common);
    response.end(text);
  }
  function refuse(response, status, code, message, more = {}) {
    json(response, status, { error: { code, message, requestId: `r${requests}`, ...more } });
  }

  async function body_of(request) {
    const parts = [];
    let size = 0;
    for await (const part of request) {
      size += part.length;
      if (size > 16_384) return null;
      parts.push(part);
    }
    return Buffer.concat(parts).toString('utf8');
  }

  function stream(request, response, parameters) {
    const topics = (parameters.get('topics') ?? '').split(',').filter(Boolean).map((one) => (/^(topology|tap):/.test(one) ? one : decodeURIComponent(one)));
    if (topics.length === 0 || topics.length > 16) return refuse(response, 400, 'bad_request', 'topics: 1 to 16 are needed');
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
    const one = { topics, response };
    const last = request.headers['last-event-id'] ?? parameters.get('lastEventId');
    write(one, { id: `${epoch}-${sequence}`, event: 'hello', data: { now: world.now(), epoch, version: '0.1.0' } });
    if (last) {
      const [of_epoch, n] = [last.slice(0, last.lastIndexOf('-')), Number(last.slice(last.lastIndexOf('-') + 1))];
      const oldest = kept.length ? Number(kept[0].id.slice(kept[0].id.lastIndexOf('-') + 1)) : sequence + 1;
      if (of_epoch !== epoch) write(one, { id: `${epoch}-${sequence}`, event: 'reset', data: { now: world.now(), reason: 'restart' } });
      else if (n + 1 < oldest || topics.some((topic) => (told_since.get(topic) ?? Infinity) > n)) write(one, { id: `${epoch}-${sequence}`, event: 'reset', data: { now: world.now(), reason: 'gap' } });
      else for (const message of kept) if (topics.includes(message.topic) && Number(message.id.slice(message.id.lastIndexOf('-') + 1)) > n) write(one, message);
    }
    for (const topic of topics) if (!told_since.has(topic)) told_since.set(topic, sequence);
    streams.add(one);
    request.on('close', () => streams.delete(one));
  }

  async function api(request, response, path, parameters) {
    if (world.mode === 'slow') await new Promise((resolve) => setTimeout(resolve, 30_000));
    if (world.mode === 'token' && request.headers.authorization !== 'Bearer let-me-in') return refuse(response, 401, 'token_needed', 'a token is needed');
    const namespaces = (parameters.get('ns') ?? '').split(',').filter(Boolean);
    if (world.mode === 'forbidden' && path !== 'session' && path !== 'stream') return refuse(response, 403, 'forbidden', 'You may not list canaries in namespace test');
    if (path === 'session') return json(response, 200, world.session(), request);
    if (path === 'overview') return json(response, 200, world.overview(namespaces), request);
    if (path === 'stream') return stream(request, response, parameters);
    if (path === 'topology') return json(response, 200, world.topology(parameters), request);
    if (path === 'gateways') return json(response, 200, world.gateways(namespaces), request);
    if (path === 'validations') {
      const found = world.validations(namespaces);
      const [from, limit] = [Number(parameters.get('continue') ?? 0), Number(parameters.get('limit') ?? 500)];
      return json(response, 200, { ...found, items: found.items.slice(from, from + limit), continue: from + limit < found.items.length ? String(from + limit) : null }, request);
    }
    if (path === 'releases') {
      const limit = Number(parameters.get('limit') ?? 500);
      if (!Number.isInteger(limit) || limit < 1 || limit > 1000) return refuse(response, 400, 'bad_request', 'limit: 1 to 1000');
      const words = (parameters.get('q') ?? '').toLowerCase().split(/\s+/).filter(Boolean);
      const list = world.releases().filter((one) => (namespaces.length === 0 || namespaces.includes(one.namespace)) && words.every((word) => `${one.namespace}/${one.name} ${one.status}`.toLowerCase().includes(word)));
      const from = Number(parameters.get('continue') ?? 0);
      if (!Number.isInteger(from)) return refuse(response, 400, 'bad_continue', 'continue: not a token of this server');
      const items = list.slice(from, from + limit).map((one) => world.light(one));
      return json(response, 200, { now: world.now(), items, continue: from + limit < list.length ? String(from + limit) : null, total: list.length, problems: world.problems().filter((one) => one.code === 'api_server_away') }, request);
    }
    const metrics = /^metrics\/(node|edge)\/([^/]+)$/.exec(path);
    if (metrics) {
      if (!world.prometheus_ok) return refuse(response, 503, 'prometheus_away', 'Prometheus did not answer in 5 s');
      const id = decodeURIComponent(metrics[2]);
      if (id.endsWith('/tcp')) return refuse(response, 404, 'not_measured', 'over TCP bytes are counted, and no requests');
      const outside = /^(?:x\/|e\/.*>x\/)([^/]+)/.exec(id);
      if (outside) return refuse(response, 404, 'not_measured', `no proxy of the mesh reports what arrives at ${outside[1]}`);
      return json(response, 200, world.metrics(metrics[1], id, parameters), request);
    }
    const list = (items, more = {}) => json(response, 200, { now: world.now(), items, continue: null, total: items.length, problems: world.problems(), ...more }, request);
    if (path === 'workloads') return list(lists.workloads(world, namespaces), { window: 60 });
    if (path === 'services') return list(lists.services(world, namespaces), { window: 60 });
    if (path === 'events') return list(lists.events(world, namespaces, parameters.get('type')));
    if (path === 'queries') return json(response, 200, lists.queries(Number(parameters.get('window') ?? 300)), request);
    if (path === 'mesh') return json(response, 200, lists.mesh(world), request);
    if (path === 'lab') return json(response, 200, lists.lab(world), request);
    const [, secret] = /^(.*(?:authorization|cookie|token|secret|password|api-?key|credential).*?)\s*:\s*\S/is.exec(parameters.get('header') ?? '') ?? [];
    if (path === 'tap' && secret) return refuse(response, 400, 'bad_request', `parameter header: the value of "${secret}" is told to nobody, so only its name can be asked for`);
    if (path === 'tap') return json(response, 200, lists.tap(world, parameters), request);
    const detail = /^(?:workloads\/([^/]+)\/deployment|services\/([^/]+))\/([^/]+)$/.exec(path);
    if (detail) {
      const [ns, name] = [decodeURIComponent(detail[1] ?? detail[2]), decodeURIComponent(detail[3])];
      const one = (detail[1] ? lists.workloads : lists.services)(world, [ns], true).find((item) => item.name === name);
      return one ? json(response, 200, one, request) : refuse(response, 404, 'not_found', `There is no ${detail[1] ? 'Deployment' : 'Service'} ${ns}/${name}`);
    }
    const gateway = /^gateways\/([^/]+)\/([^/]+)$/.exec(path);
    if (gateway) {
      const [ns, name] = gateway.slice(1).map(decodeURIComponent);
      const one = lists.gateway(world, ns, name);
      return one ? json(response, 200, one, request) : refuse(response, 404, 'not_found', `no gateway ${ns}/${name}`);
    }
    const object = /^objects\/(virtualservice|destinationrule|gateway|istiomeshgateway)\/([^/]+)\/([^/]+)\/yaml$/.exec(path);
    if (object) {
      const [kind, ns, name] = object.slice(1).map(decodeURIComponent);
      return json(response, 200, lists.object_yaml(world, kind, ns, name), request);
    }
    const load = /^lab\/load(?:\/([^/]+))?$/.exec(path);
    if (load) {
      if (request.headers['x-sluice-csrf'] !== 'c5rf') return refuse(response, 403, 'csrf', 'X-Sluice-CSRF is not that of this session');
      if (request.method === 'DELETE') {
        const ended = lists.stop_load(world, load[1]);
        return ended ? json(response, 200, ended, request) : refuse(response, 404, 'not_found', `There is no load ${load[1]}`);
      }
      const wanted = JSON.parse(await body_of(request));
      if (!world.gateways([]).items.some((one) => `${one.namespace}/${one.name}` === wanted.gateway)) return refuse(response, 400, 'bad_request', `gateway: there is no ${wanted.gateway}`);
      if ((world.loads ?? []).filter((one) => one.state === 'running').length >= 4) return refuse(response, 429, 'too_many_loads', '4 runs of test load are under way; one must end first');
      if (world.mode === 'idle') world.set({ mode: 'story' });
      return json(response, 202, lists.send_load(world, wanted));
    }
    const log = /^lab\/logs\/([^/]+)\/([^/]+)$/.exec(path);
    if (log) {
      const pod = `${decodeURIComponent(log[1])}/${decodeURIComponent(log[2])}`;
      if (!lists.lab(world).processes.some((one) => one.pod && one.name === pod)) return refuse(response, 404, 'not_found', `pods "${decodeURIComponent(log[2])}" not found`);
      return json(response, 200, lists.pod_log(world, pod, parameters), request);
    }
    const trial = /^lab\/(?:(try)|(faults|crash)\/([^/]+)\/([^/]+))$/.exec(path);
    if (trial) {
      if (request.headers['x-sluice-csrf'] !== 'c5rf') return refuse(response, 403, 'csrf', 'X-Sluice-CSRF is not that of this session');
      const wanted = JSON.parse((await body_of(request)) || '{}');
      if (trial[1]) {
        if (!world.gateways([]).items.some((one) => `${one.namespace}/${one.name}` === wanted.gateway)) return refuse(response, 404, 'not_found', `no gateway ${wanted.gateway}`);
        return json(response, 200, lists.try_gateway(world, wanted), request);
      }
      const pod = `${decodeURIComponent(trial[3])}/${decodeURIComponent(trial[4])}`;
      if (!lists.lab(world).processes.some((one) => one.pod && one.name === pod)) return refuse(response, 404, 'not_found', `no pod ${pod}`);
      if (trial[2] === 'crash') {
        lists.crash(world, pod);
        return json(response, 202, { now: world.now(), pod });
      }
      const why = lists.set_fault(world, pod, request.method === 'DELETE' ? {} : wanted);
      if (why) return refuse(response, 400, 'bad_request', why);
      return json(response, 200, { now: world.now(), pod, fault: world.faults.get(pod) ?? null }, request);
    }
    const release = /^releases\/([^/]+)\/([^/]+)\/([^/]+)(?:\/(metrics|yaml|images)|\/actions\/([^/]+))?$/.exec(path);
    if (release) {
      const [kind, ns, name] = release.slice(1, 4).map(decodeURIComponent);
      const one = world.find(kind, ns, name);
      if (!one) {
        const deleted = world.deleted.get(`${kind}/${ns}/${name}`);
        return refuse(response, 404, 'not_found', `There is no ${kind} ${ns}/${name}`, deleted ? { deletedAt: deleted } : {});
      }
      if (release[4] === 'yaml') return json(response, 200, world.yaml(one), request);
      if (release[4] === 'images') return json(response, 200, world.images(one), request);
      if (release[4]) {
        if (!world.prometheus_ok) return refuse(response, 503, 'prometheus_away', 'Prometheus did not answer in 5 s');
        return json(response, 200, world.comparison(one, parameters), request);
      }
      if (!release[5]) return json(response, 200, world.detailed(one), request);
      if (request.method !== 'POST') return refuse(response, 405, 'bad_method', 'POST');
      if (request.headers['x-sluice-csrf'] !== 'c5rf') return refuse(response, 403, 'csrf', 'X-Sluice-CSRF is not that of this session');
      if (world.mode === 'read-only') return refuse(response, 403, 'read_only', 'Read-only off loopback; --ui-write allows writes');
      if (!(request.headers['content-type'] ?? '').startsWith('application/json')) return refuse(response, 415, 'bad_content_type', 'application/json is needed');
      const text = await body_of(request);
      if (text === null) return refuse(response, 413, 'too_large', 'The body is over 16 KiB');
      let body;
      try {
        body = JSON.parse(text);
      } catch {
        return refuse(response, 400, 'bad_request', 'The body is not JSON');
      }
      if (!body.seen) return refuse(response, 400, 'bad_request', 'seen: is needed');
      const done = world.act(one, release[5], body.seen, body.args);
      if (done.status !== 202) return refuse(response, done.status, done.code, done.message, done.code === 'changed' ? { release: world.light(one) } : {});
      return json(response, 202, { now: world.now(), accepted: true, text: done.text, resourceVersion: '5000' });
    }
    return refuse(response, 404, 'not_found', `There is no ${path}`);
  }

  let refusing = false;
  const server = createServer((request, response) => {
    requests += 1;
    if (refusing) {
      request.socket.destroy();
      return;
    }
    const url = new URL(request.url, 'http://localhost');
    const common = { 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' };
    const path = url.pathname.startsWith(base) ? url.pathname.slice(base.length) : url.pathname;
    if (path.startsWith('/api/ui/v1/')) {
      api(request, response, path.slice('/api/ui/v1/'.length), url.searchParams).catch((error) => {
        console.error(error);
        if (!response.headersSent) refuse(response, 500, 'internal', String(error));
      });
      return;
    }
    if (path === '/dev/set' && request.method === 'POST') {
      void body_of(request).then((text) => {
        const wanted = JSON.parse(text);
        if (wanted.stream === 'cut' || wanted.stream === 'silent') for (const one of streams) if (wanted.stream === 'cut') one.response.destroy();
        if (wanted.stream) silent = wanted.stream === 'silent';
        if (wanted.refuse !== undefined) refusing = wanted.refuse;
        if (wanted.restore) world.deleted.delete(wanted.restore);
        if (wanted.delete) world.deleted.set(wanted.delete, world.now());
        world.set(wanted);
        look();
        json(response, 200, { now: world.now(), streams: streams.size, requests }, request);
      });
      return;
    }
    const name = path.startsWith('/ui/') ? path.slice(4) : null;
    if (name !== null && types[name]) {
      response.writeHead(200, { ...common, 'Content-Type': types[name], 'Cache-Control': 'no-cache' });
      response.end(readFileSync(new URL(name, dist)));
    } else if (name !== null) {
      response.writeHead(200, { ...common, 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(readFileSync(new URL('index.html', dist), 'utf8').replaceAll('"/ui/', `"${base}/ui/`));
    } else {
      response.writeHead(302, { Location: `${base}/ui/` });
      response.end();
    }
  });
  server.on('connection', (socket) => {
    if (refusing) socket.destroy();
  });

  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      const at = server.address().port;
      resolve({
        world,
        // Ends what `refuse` of /dev/set began: by then nothing comes through.
        open: () => (refusing = false),
        url: `http://127.0.0.1:${at}${base}`,
        stop: () =>
          new Promise((done) => {
            clearInterval(looking);
            clearInterval(alive);
            server.close(done);
            server.closeAllConnections();
          }),
      });
    });
  });
}

export { modes };
