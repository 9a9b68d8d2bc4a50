// The fake world's graph from further away: by Service, by app, by app and version.

// Which Services lead to a workload; the first stands for it where it calls others.
function services_of(node) {
  if (node.name === 'audit-primary') return [];
  const name = node.release?.role === 'canary' ? `${node.release.name}-canary` : node.name;
  const own = `s/${node.namespace}/${name}`;
  return node.release?.role === 'primary' ? [own, `s/${node.namespace}/${node.release.name}`] : [own];
}

// Both sides of some releases have one name in the mesh, by the labels of their pods; those of the others are told apart.
function app_of(node) {
  return node.release && !['cart', 'checkout'].includes(node.release.name) ? node.name : (node.app ?? node.name);
}

function places_of(node, type) {
  if (!node.id.startsWith('w/')) return [node.id];
  if (type === 'service') return services_of(node).length ? services_of(node) : [node.id];
  const app = `a/${node.namespace}/${app_of(node)}`;
  return [type === 'app' ? app : `${app}@${node.version ?? 'latest'}`];
}

const ranks = ['failure', 'degraded', 'notReady', 'healthy', 'unknown'];
const worse = (a, b) => (ranks.indexOf(a) <= ranks.indexOf(b) ? a : b);
const at_rest = (node) => node.replicas?.desired === 0;

function release_of(members, place, type) {
  const marks = members.filter((one) => one.release).map((one) => ({ ...one.release, is_side: type !== 'service' || services_of(one)[0] === place }));
  const [first] = marks;
  if (!first) return null;
  const { is_side, ...mark } = first;
  if (marks.length === 1 && is_side) return mark;
  const canary = marks.find((one) => one.role === 'canary');
  return { ...mark, role: 'group', weight: canary ? canary.weight : 100 - first.weight, version: null };
}

function node_of(place, members, type) {
  const [only] = members;
  if (members.length === 1 && only.id === place) return only;
  const [prefix, namespace, last] = place.split('/');
  const [name, version] = last.split('@');
  const counted = members.every(at_rest) ? members : members.filter((one) => !at_rest(one));
  const versions = [...new Set(members.map((one) => one.version).filter(Boolean))].join(', ');
  const sum = (what) => members.reduce((all, one) => all + (one.replicas?.[what] ?? 0), 0);
  return {
    ...only,
    id: place,
    workloadKind: null,
    kind: members.every((one) => one.kind === 'gateway') ? 'gateway' : prefix === 's' ? 'service' : 'app',
    namespace,
    name,
    app: prefix === 's' ? only.app : name,
    version: version ?? (versions || null),
    health: { status: counted.map((one) => one.health.status).reduce(worse, 'unknown'), reasons: counted.flatMap((one) => one.health.reasons.map((reason) => (members.length > 1 ? `${one.name}: ${reason}` : reason))) },
    replicas: { ready: sum('ready'), desired: sum('desired') },
    badges: [...new Set(members.flatMap((one) => one.badges))],
    release: release_of(members, place, type),
    addresses: members.flatMap((one) => one.addresses),
    workloads: members.length,
    members: members.map((one) => one.id),
    memberKinds: members.map((one) => one.workloadKind),
  };
}

function edge_of(id, source, target, all) {
  const real = all.filter((one) => !one.mirror);
  const counted = real.length ? real : all;
  const [first] = counted;
  if (all.length === 1) return { ...first, id, source, target };
  const sum = (of) => counted.reduce((total, one) => total + (of(one) ?? 0), 0);
  const rps = sum((one) => one.rps);
  const slower = (what) => counted.reduce((most, one) => (one[what] === null ? most : Math.max(most ?? 0, one[what])), null);
  const by_key = (what) => counted.reduce((made, one) => Object.entries(one[what]).reduce((into, [key, value]) => ({ ...into, [key]: (into[key] ?? 0) + value }), made), {});
  const copies = all.length > counted.length ? all.filter((one) => one.mirror).reduce((total, one) => total + one.rps, 0) : 0;
  return {
    ...first,
    id,
    source,
    target,
    rps,
    share: null,
    success: rps > 0 && first.protocol !== 'tcp' ? sum((one) => one.rps * (one.success ?? 1)) / rps : null,
    tries: first.tries && { rps: sum((one) => one.tries?.rps), success: first.tries.success, cutOff: sum((one) => one.tries?.cutOff) },
    codes: by_key('codes'),
    flags: by_key('flags'),
    p50: slower('p50'),
    p95: slower('p95'),
    p99: slower('p99'),
    throughput: { in: sum((one) => one.throughput?.in), out: sum((one) => one.throughput?.out) },
    mtls: rps > 0 ? sum((one) => one.rps * (one.mtls ?? 0)) / rps : null,
    health: { status: counted.map((one) => one.health.status).reduce(worse, 'unknown'), reasons: counted.flatMap((one) => one.health.reasons.map((reason) => `${one.target.split('/').at(-1)}: ${reason}`)) },
    route: first.route && { ...first.route, weight: counted.reduce((total, one) => total + (one.route?.weight ?? 0), 0) },
    reason: copies > 0 ? `without copies of requests, ${copies.toFixed(2)} per second` : first.reason,
  };
}

export function condensed(nodes, edges, type) {
  const place = new Map(nodes.map((one) => [one.id, places_of(one, type)[0]]));
  const members = new Map();
  for (const one of nodes) for (const id of places_of(one, type)) members.set(id, [...(members.get(id) ?? []), one]);
  const between = new Map();
  for (const one of edges) {
    const [source, target] = [place.get(one.source) ?? one.source, place.get(one.target) ?? one.target];
    if (source === target) continue;
    const id = `e/${source}>${target}/${one.protocol}`;
    between.set(id, { source, target, all: [...(between.get(id)?.all ?? []), one] });
  }
  const made = [...between].map(([id, { source, target, all }]) => edge_of(id, source, target, all));
  const leaving = (one) => made.filter((other) => other.source === one.source && other.protocol === one.protocol && !other.mirror).reduce((total, other) => total + (other.rps ?? 0), 0);
  return {
    nodes: [...members].map(([id, all]) => {
      const node = node_of(id, all, type);
      const through = (end) => made.filter((one) => one[end] === id && one.protocol !== 'tcp').reduce((total, one) => total + (one.rps ?? 0), 0);
      return all.length === 1 && all[0].id === id ? node : { ...node, in: { ...node.in, rps: through('target') }, out: { ...node.out, rps: through('source') } };
    }),
    edges: made.map((one) => ({ ...one, share: one.rps === null || one.mirror || leaving(one) === 0 ? null : one.rps / leaving(one) })),
  };
}
