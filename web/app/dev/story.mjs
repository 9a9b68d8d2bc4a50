// The story that the fake server tells: podinfo 6.0.0 → 6.1.0 is promoted, then 6.2.0 fails at its first check.
// Everything is a function of the story's time, so that a test can jump to any moment.
export const epoch_ms = Date.UTC(2026, 0, 1, 12, 0, 0);
export const interval = 10;
export const threshold = 3;

export function iso(t) {
  return new Date(epoch_ms + t * 1000).toISOString();
}
export function seconds(t) {
  return epoch_ms / 1000 + t;
}

// The same noise at the same second, between -1 and 1.
export function noise(seed, t) {
  const x = Math.sin(Math.floor(t) * 12.9898 + seed * 78.233) * 43758.5453;
  return (x - Math.floor(x)) * 2 - 1;
}

const success_question = 'request-success-rate over 1m';
const duration_question = 'request-duration over 30s';
function checks(success, duration) {
  const list = [{ check: 'request-success-rate', question: success_question, answer: String(success), threshold: 'at least 99 (%)', verdict: success < 99 ? 'fail' : 'pass', reach: null }];
  // A round ends at its first failure.
  if (success >= 99) list.push({ check: 'request-duration', question: duration_question, answer: String(duration), threshold: 'at most 500 (ms)', verdict: 'pass', reach: null });
  return list;
}

function route(weight) {
  return `route VirtualService test/podinfo: podinfo-primary ${100 - weight}, podinfo-canary ${weight}`;
}

// t, what, words, phase, weight, failed, said, checks, wrote, next
function advance(t, weight, first) {
  return {
    t,
    what: 'advance',
    words: 'All checks passed: the next step',
    phase: 'Progressing',
    weight,
    failed: 0,
    said: [...(first ? ['Starting canary analysis for podinfo.test'] : []), `Advance podinfo.test canary weight ${weight}`],
    checks: first ? [] : checks(Number((99.4 + weight / 200).toFixed(2)), 180 + weight),
    wrote: [route(weight)],
    next: { what: weight < 80 ? `weight ${weight + 20}` : 'promotion', at: t + interval },
  };
}
function halt(t, failed, value) {
  return {
    t,
    what: 'count failure',
    words: 'A check failed: nothing moves, and it is counted',
    phase: 'Progressing',
    weight: 20,
    failed,
    warning: true,
    said: [`Halt podinfo.test advancement success rate ${value.toFixed(2)}% < 99%`],
    checks: checks(value, 0),
    wrote: [],
    next: failed < threshold ? { what: 'weight 40', at: t + interval } : { what: 'rollback', at: null },
  };
}

export const plot = [
  { t: -3000, what: 'initialized', words: 'The primary serves: initialization is done', phase: 'Initialized', weight: 0, failed: 0, said: ['Initialization done! podinfo.test'], checks: [], wrote: [], next: { what: 'its analysis, which begins with weight 20', at: null } },
  { t: 12, what: 'start', words: 'A new revision was found: the canary is scaled up', phase: 'Progressing', weight: 0, failed: 0, said: ['New revision detected! Scaling up podinfo.test'], checks: [], wrote: ['scale Deployment test/podinfo to 2'], next: { what: 'weight 20', at: null } },
  advance(16, 20, true),
  advance(26, 40),
  advance(36, 60),
  advance(46, 80),
  { t: 56, what: 'promote', words: 'The plan is done: the primary gets the new revision', phase: 'Promoting', weight: 80, failed: 0, said: ['Copying podinfo.test template spec to podinfo-primary.test'], checks: checks(99.8, 244), wrote: ['copy the pod template of Deployment test/podinfo to podinfo-primary'], next: { what: 'all traffic to the primary', at: null } },
  { t: 62, what: 'all home', words: 'The primary is ready: all traffic goes to it', phase: 'Finalising', weight: 0, failed: 0, said: ['Routing all traffic to primary'], checks: [], wrote: [route(0)], next: { what: 'Succeeded: podinfo is scaled to zero', at: 72 } },
  { t: 72, what: 'promoted', words: 'Promotion is completed: the canary is scaled down', phase: 'Succeeded', weight: 0, failed: 0, said: ['Promotion completed! Scaling down podinfo.test'], checks: [], wrote: ['scale Deployment test/podinfo to 0'], next: { what: 'its analysis, which begins with weight 20', at: null } },
  { t: 90, what: 'start', words: 'A new revision was found: the canary is scaled up', phase: 'Progressing', weight: 0, failed: 0, said: ['New revision detected! Scaling up podinfo.test'], checks: [], wrote: ['scale Deployment test/podinfo to 2'], next: { what: 'weight 20', at: null } },
  advance(94, 20, true),
  halt(104, 1, 93.2),
  halt(114, 2, 91.84),
  halt(124, 3, 90.47),
  { t: 124.4, what: 'roll back', words: 'It is rolled back', phase: 'Progressing', rollback: true, weight: 0, failed: 3, warning: true, said: ['Rolling back podinfo.test failed checks threshold reached 3'], checks: [], wrote: [route(0)], next: { what: 'podinfo is scaled to zero', at: 134.4 } },
  { t: 134.4, what: 'failed', words: 'The canary is scaled down: the revision has failed', phase: 'Failed', weight: 0, failed: 3, warning: true, said: ['Canary failed! Scaling down podinfo.test'], checks: [], wrote: ['scale Deployment test/podinfo to 0'], next: { what: 'its analysis, which begins with weight 20', at: null } },
];

export function aborted_at(t) {
  return [
    { t, what: 'roll back', words: 'It is rolled back', phase: 'Progressing', rollback: true, weight: 0, failed: at(plot, t).failed, warning: true, said: ['Rolling back podinfo.test manual webhook invoked'], checks: [], wrote: [route(0)], next: { what: 'podinfo is scaled to zero', at: t + 10 } },
    { t: t + 10, what: 'failed', words: 'The canary is scaled down: the revision has failed', phase: 'Failed', weight: 0, failed: at(plot, t).failed, warning: true, said: ['Canary failed! Scaling down podinfo.test'], checks: [], wrote: ['scale Deployment test/podinfo to 0'], next: { what: 'its analysis, which begins with weight 20', at: null } },
  ];
}

export function at(rows, t) {
  let found = rows[0];
  for (const row of rows) if (row.t <= t) found = row;
  return found;
}

// Which version each side runs at t.
export function sides(t) {
  if (t < 12) return { stable: '6.0.0', canary: '6.0.0', begun: null };
  if (t < 56) return { stable: '6.0.0', canary: '6.1.0', begun: 16 };
  if (t < 90) return { stable: '6.1.0', canary: '6.1.0', begun: 16 };
  return { stable: '6.1.0', canary: '6.2.0', begun: 94 };
}

const total_rps = 20;
export function is_bad(t) {
  return t >= 90;
}

// What Prometheus would say of one side at t; null is a gap.
export function measured(rows, side, t) {
  if (t < -1500 || (t > -46 && t < -38)) return null;
  const weight = at(rows, t).weight;
  const share = side === 'canary' ? weight / 100 : 1 - weight / 100;
  const rps = Math.max(0, total_rps * share * (1 + 0.03 * noise(side === 'canary' ? 1 : 2, t)));
  if (share === 0) return { rps: 0, success: null, p50: null, p95: null, p99: null };
  const bad = side === 'canary' && is_bad(t);
  const jitter = noise(side === 'canary' ? 3 : 4, t);
  return {
    rps,
    success: bad ? Math.min(1, 0.925 + 0.018 * jitter) : Math.min(1, 0.9985 + 0.0012 * jitter),
    p50: 12 + 2 * jitter + (bad ? 6 : 0),
    p95: 92 + 12 * jitter + (bad ? 60 : 0),
    p99: 214 + 26 * jitter + (bad ? 150 : 0),
  };
}

export function requests_met(rows, from, to) {
  let sum = 0;
  for (let t = Math.ceil(from); t < to; ++t) sum += (total_rps * at(rows, t).weight) / 100;
  return sum;
}
