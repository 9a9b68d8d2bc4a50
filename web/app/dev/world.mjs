// What the fake server knows: releases, the mesh, gateways and findings, in one of several situations.
import { condensed } from './condense.mjs';
import * as story from './story.mjs';

export const modes = ['story', 'empty', 'idle', 'thousand', 'mesh300', 'mesh1000', 'prometheus-away', 'api-away', 'forbidden', 'read-only', 'token', 'slow', 'odd', 'flood'];

const { iso, seconds, noise } = story;
const windows = [10, 30, 60, 300, 900, 3600, 21600, 86400];

function side(label, workload, version, images, ready, desired, numbers, reason = null) {
  const known = { noAnswer: numbers && numbers.success !== null ? 0 : null, ...(numbers ?? { rps: null, success: null, p50: null, p95: null, p99: null }) };
  const why = numbers && numbers.success !== null ? null : (reason ?? (numbers ? 'no requests in the last 30 s' : 'Prometheus does not answer'));
  const seen = why === null ? { by: 'callers', rps: known.rps, success: known.success, p99: known.p99 === null ? null : known.p99 + 2, reason: null } : { by: null, rps: null, success: null, p99: null, reason: why };
  return { label, workload, version, images, revision: version ? `rev-${version.replaceAll('.', '')}` : null, ready, desired, ...known, reason: why, seen };
}

function actions_of(release, name) {
  const under_way = ['Waiting', 'Progressing', 'WaitingPromotion'].includes(release.status) && !release.rollback;
  const idle = `${name} is ${release.status}: no release is under way`;
  const why = release.rollback ? `${name} is being rolled back already` : release.status === 'Failed' ? `${name} has Failed: retry has the revision judged again` : ['Promoting', 'Finalising'].includes(release.status) ? `${name} is ${release.status} already` : idle;
  const state = (allowed, reason) => ({ allowed, why: allowed ? null : reason });
  return {
    promote: state(under_way, why),
    step: state(release.status === 'Waiting' || release.status === 'WaitingPromotion', under_way ? `${name} waits at no gate: \`sluice promote\` has it promoted without its checks` : why),
    abort: state(under_way, why),
    pause: state(!release.suspended, `${name} is paused already`),
    resume: state(release.suspended, `${name} is not paused`),
    retry: state(release.status === 'Failed', `${name} is ${release.status}: only what has Failed can be judged again`),
  };
}

function metric(name, unit, min, max, value, verdict, at, more = {}) {
  const shown = unit === '%' ? `${value?.toFixed(2)} %` : `${value?.toFixed(0)} ${unit ?? ''}`.trim();
  const sign = min !== null ? (value < min ? '<' : '≥') : value > max ? '>' : '≤';
  const text = value === null ? `${name}: ${more.reason ?? 'not asked yet'}` : `${name} ${shown} ${sign} ${min ?? max} ${unit ?? ''}`.trim();
  return { name, unit, min, max, value, verdict, at, reason: null, text, reach: null, ...more };
}

function check_result(from) {
  const { name, value, unit, min, max, verdict, text } = from;
  return { name, value, unit, min, max, verdict, text };
}

// A whole Release of the few facts that make it what it is.
function release(facts) {
  const made = {
    kind: 'Canary',
    namespace: facts.namespace,
    name: facts.name,
    uid: facts.uid ?? `uid-${facts.namespace}-${facts.name}`,
    resourceVersion: facts.resourceVersion ?? '1',
    strategy: facts.strategy ?? 'canary',
    status: facts.status,
    severity: facts.severity,
    phase: facts.status,
    message: facts.message,
    since: facts.since,
    suspended: facts.suspended ?? false,
    revision: facts.revision ?? 'rev-1',
    target: { kind: 'Deployment', name: facts.name },
    revisions: { stable: facts.stable, canary: facts.canary },
    weight: { desired: 0, configured: facts.weight?.desired ?? 0, max: 100, measured: null, sample: null, reason: 'no requests in the last 30 s', mirror: false, ...facts.weight },
    checks: { failed: 0, threshold: 3, interval: 30, nextAt: null, ...facts.checks },
    steps: facts.steps ?? { index: 0, total: 6 },
    metrics: facts.metrics ?? [],
    exposure: { requests: null, failed: null, since: null, reason: 'no analysis is under way', ...facts.exposure },
    outlook: { waitsFor: '', next: null, notBefore: null, deadline: null, gates: [], ...facts.outlook },
    rolledBack: facts.rolledBack ?? null,
    attention: null,
    actions: {},
  };
  const is_met = made.exposure.requests !== null;
  made.exposure = { cutOff: is_met ? 0 : null, by: is_met ? 'callers' : null, ...made.exposure };
  made.actions = actions_of({ ...made, rollback: facts.rollback }, `${made.name}.${made.namespace}`);
  if (facts.attention) {
    made.attention = {
      kind: 'Canary',
      namespace: made.namespace,
      name: made.name,
      severity: made.severity,
      sentence: facts.attention.sentence,
      since: facts.attention.since ?? made.since,
      next: facts.attention.next ?? null,
      version: made.revisions.canary.version,
      check: facts.attention.check ?? null,
      failed: made.checks.failed,
      threshold: made.checks.threshold,
      weight: made.weight.desired,
      rps: made.revisions.canary.rps,
      requests: made.exposure.requests,
      requestsFailed: made.exposure.failed,
      requestsCutOff: made.exposure.cutOff,
      actions: ['abort', 'promote', 'pause', 'resume', 'retry'].filter((verb) => made.actions[verb].allowed),
    };
  }
  return made;
}

export class World {
  constructor(options = {}) {
    this.mode = options.mode ?? 'story';
    this.frozen = options.frozen ?? false;
    this.base = options.t ?? 0;
    this.began = performance.now();
    this.rows = story.plot;
    this.suspended = new Set();
    this.written = new Map();
    this.deleted = new Map();
    this.load_until = null;
  }

  t() {
    return this.frozen ? this.base : this.base + (performance.now() - this.began) / 1000;
  }

  set({ mode, t, frozen }) {
    if (mode !== undefined) this.mode = mode;
    if (frozen !== undefined) this.frozen = frozen;
    if (t !== undefined) {
      this.base = t;
      this.began = performance.now();
      this.rows = story.plot;
      this.suspended.clear();
      this.written.clear();
      this.deleted.clear();
      this.load_until = null;
    }
  }

  now() {
    return iso(this.t());
  }

  get prometheus_ok() {
    return this.mode !== 'prometheus-away';
  }
  get api_ok() {
    return this.mode !== 'api-away';
  }

  problems() {
    const list = [];
    if (!this.prometheus_ok) list.push({ code: 'prometheus_away', message: 'Prometheus did not answer in 5 s', since: iso(this.t() - 14) });
    if (!this.api_ok) list.push({ code: 'api_server_away', message: 'The API server does not answer: connection refused. Shown is what was known', since: iso(this.t() - 31) });
    return list;
  }

  namespaces() {
    if (this.mode === 'forbidden') return ['test'];
    const of_releases = this.releases().map((one) => one.namespace);
    return [...new Set(['billing', 'istio-system', 'platform', 'shop', 'smm-system', 'test', ...of_releases])].sort();
  }

  session() {
    const read_only = this.mode === 'read-only';
    return { now: this.now(), version: '0.1.0', lab: true, user: 'dev@example.org', readOnly: read_only, readOnlyWhy: read_only ? 'Read-only off loopback; --ui-write allows writes' : null, csrf: 'c5rf', namespaces: this.namespaces(), controller: { name: 'sluice lab', leading: true }, windows };
  }

  releases() {
    const t = this.t();
    const key = `${this.mode} ${Math.floor(t * 4)} ${this.written.size} ${this.suspended.size} ${this.deleted.size}`;
    if (this.cached_key === key) return this.cached;
    let list;
    if (this.mode === 'empty' || this.mode === 'forbidden') list = [];
    else if (this.mode === 'thousand') list = thousand(t);
    else list = [this.podinfo(t), ...this.others(t), ...(this.mode === 'odd' ? odd(t) : [])];
    if (this.mode === 'mesh300' || this.mode === 'mesh1000') list = [this.podinfo(t), ...this.others(t)];
    list = list.filter((one) => !this.deleted.has(key_of(one)));
    if (this.mode === 'read-only') for (const one of list) one.actions = {};
    const ranks = { failure: 0, warning: 1, waiting: 2, progress: 3, ok: 4 };
    list.sort((a, b) => ranks[a.severity] - ranks[b.severity] || (a.since < b.since ? -1 : 1) * (a.severity === 'ok' ? -1 : 1));
    this.cached_key = key;
    this.cached = list;
    return list;
  }

  find(kind, ns, name) {
    return this.releases().find((one) => key_of(one) === `${kind}/${ns}/${name}`) ?? null;
  }

  measured(which, t) {
    return this.prometheus_ok && this.mode !== 'idle' ? story.measured(this.rows, which, t) : null;
  }

  podinfo(t) {
    const row = story.at(this.rows, t);
    const versions = story.sides(t);
    const suspended = this.suspended.has('canary/test/podinfo');
    const run = this.rows.filter((one) => one.t <= t && one.t >= (t >= 90 ? 90 : t >= 12 ? 12 : -4000));
    const under_way = ['Progressing', 'Promoting', 'Finalising'].includes(row.phase);
    const canary_up = under_way && !(row.phase === 'Progressing' && row.weight === 0 && row.what === 'start' && t - row.t < 3);
    const stable = side('primary', 'podinfo-primary', versions.stable, [`docker.io/stefanprodan/podinfo:${versions.stable}`], 2, 2, this.measured('primary', t));
    const canary = side('canary', 'podinfo', versions.canary, [`docker.io/stefanprodan/podinfo:${versions.canary}`], canary_up ? 2 : 0, under_way ? 2 : 0, this.measured('canary', t));

    const asked = (name) => run.filter((one) => one.checks.some((check) => check.check === name));
    const series = (name) => asked(name).map((one) => [seconds(one.t), Number(one.checks.find((check) => check.check === name).answer)]);
    const last = (name) => asked(name).at(-1);
    const value = (name) => (last(name) ? Number(last(name).checks.find((check) => check.check === name).answer) : null);
    const success = value('request-success-rate');
    const duration = value('request-duration');
    const metrics = [
      metric('request-success-rate', '%', 99, null, success, success === null ? null : success < 99 ? 'fail' : 'pass', last('request-success-rate') ? iso(last('request-success-rate').t) : null, { series: series('request-success-rate'), query: 'sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="test",destination_workload=~"podinfo",response_code!~"5.*"}[1m])) / sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="test",destination_workload=~"podinfo"}[1m])) * 100', ...(success === null ? { reason: 'not asked yet in this run' } : {}) }),
      metric('request-duration', 'ms', null, 500, duration, duration === null ? null : 'pass', last('request-duration') ? iso(last('request-duration').t) : null, { series: series('request-duration'), query: 'histogram_quantile(0.99, sum(rate(istio_request_duration_milliseconds_bucket{reporter="destination",destination_workload_namespace="test",destination_workload=~"podinfo"}[30s])) by (le))', ...(duration === null ? { reason: under_way ? 'the round ended at the check before it' : 'not asked yet in this run' } : {}) }),
    ];

    const met = versions.begun === null ? null : story.requests_met(this.rows, versions.begun, t);
    const failed_share = story.is_bad(t) ? 0.068 : 0.0012;
    const exposure = met === null || !this.prometheus_ok ? { requests: null, failed: null, since: versions.begun === null ? null : iso(versions.begun), reason: this.prometheus_ok ? 'no analysis is under way' : 'Prometheus does not answer' } : { requests: met, failed: Math.round(met * failed_share), since: iso(versions.begun), reason: null };

    const is_failing = row.failed > 0 || row.phase === 'Failed';
    const failure = row.phase === 'Failed' ? this.rows.filter((one) => one.t <= t && one.failed > 0 && one.checks.length).at(-1) : row.failed > 0 ? this.rows.filter((one) => one.t <= t && one.checks.length).at(-1) : null;
    const failed_value = failure ? Number(failure.checks[0].answer) : null;
    const check = failed_value !== null && failed_value < 99 ? check_result(metric('request-success-rate', '%', 99, null, failed_value, 'fail', null)) : null;
    const left = story.threshold - row.failed;
    const why = check ? check.text : 'aborted by hand';
    const sentence = row.phase === 'Failed' ? `${versions.canary} was rolled back: ${why}; ${row.failed} of ${story.threshold} failed checks` : row.rollback ? `${versions.canary} is being rolled back: ${why}` : `${why}; ${row.failed} of ${story.threshold} allowed failures; canary ${versions.canary} at ${row.weight} % (${canary.rps === null ? '–' : canary.rps.toFixed(1)} rps)`;
    const next_at = suspended ? null : row.next.at;
    const waits = suspended ? 'somebody to resume it (spec.suspend is true)' : { Initialized: 'a new revision of Deployment podinfo', Succeeded: 'a new revision of Deployment podinfo', Failed: 'a new revision of Deployment podinfo, or `sluice retry`', Promoting: 'the pods of podinfo-primary to be ready with the new revision', Finalising: "the end of the drain: requests of the canary run out" }[row.phase] ?? (row.rollback ? "the end of the drain: requests of the canary run out" : row.what === 'start' ? 'the pods of podinfo to be ready' : 'the next round of checks');
    const checks_due = row.phase === 'Progressing' && !row.rollback && row.next.at !== null;

    const made = release({
      namespace: 'test',
      name: 'podinfo',
      status: row.phase,
      severity: is_failing ? 'failure' : suspended ? 'waiting' : under_way ? 'progress' : 'ok',
      rollback: row.rollback ?? false,
      rolledBack: row.phase === 'Failed' || row.rollback ? { at: row.phase === 'Failed' ? iso(row.t) : null, why: `failed checks threshold reached ${story.threshold}`, pods: null } : null,
      resourceVersion: String(4700 + this.rows.indexOf(row)),
      message: is_failing ? sentence : under_way ? `${versions.canary} is at ${row.weight} %: ${row.words.toLowerCase()}` : `${versions.stable} serves all traffic`,
      since: iso(row.t),
      suspended,
      revision: `rev-${versions.canary.replaceAll('.', '')}`,
      stable,
      canary,
      weight: { desired: row.weight, configured: row.weight, ...(canary.rps !== null && row.weight > 0 ? { measured: canary.rps / (canary.rps + stable.rps), sample: Math.round(10 * (canary.rps + stable.rps)), reason: null } : {}) },
      checks: { failed: row.failed, threshold: story.threshold, interval: story.interval, nextAt: checks_due && next_at !== null ? iso(next_at) : null },
      steps: steps_of(run, row, t, under_way),
      metrics,
      exposure,
      outlook: { waitsFor: waits, next: row.next.what, notBefore: next_at === null ? null : iso(next_at), deadline: row.what === 'start' ? iso(row.t + 60) : null, gates: [] },
      attention: is_failing
        ? { sentence, check, next: row.phase === 'Failed' ? null : { what: checks_due ? 'check' : row.next.what, at: next_at === null ? null : iso(next_at), ifPassed: checks_due ? row.next.what : null, ifFailed: checks_due ? (left <= 1 ? 'rolls back' : `holds (${left - 1} left)`) : null }, since: iso(failure?.t ?? row.t) }
        : suspended ? { sentence: `paused by hand at ${row.weight} %` } : null,
    });
    return made;
  }

  others(t) {
    const images = (name, tag) => [`registry.example.org/shop/${name}:${tag}`];
    const numbers = (seed, rps, p99) => (this.prometheus_ok && this.mode !== 'idle' ? { rps: rps * (1 + 0.04 * noise(seed, t)), success: rps ? 0.9991 + 0.0008 * noise(seed + 1, t) : null, p50: rps ? p99 / 9 : null, p95: rps ? p99 / 2.2 : null, p99: rps ? p99 * (1 + 0.08 * noise(seed + 2, t)) : null } : null);
    const iteration = Math.floor((t + 4000) / 15) % 9;
    const next_iteration = (Math.floor((t + 4000) / 15) + 1) * 15 - 4000;
    const paused = (name) => this.suspended.has(`canary/${name}`);
    const checkout_done = this.written.get('canary/shop/checkout');
    const list = [
      release({
        namespace: 'platform', name: 'auth', status: 'Progressing', severity: 'warning', since: iso(-412), message: '0 of 3 pods of auth are ready: ErrImagePull registry.example.org/platform/auth:3.4.0-rc2',
        stable: side('primary', 'auth-primary', '3.3.9', ['registry.example.org/platform/auth:3.3.9'], 3, 3, numbers(21, 61, 48)),
        canary: side('canary', 'auth', '3.4.0-rc2', ['registry.example.org/platform/auth:3.4.0-rc2'], 0, 3, numbers(22, 0, 0)),
        checks: { threshold: 5 }, steps: { index: 0, total: 6 },
        outlook: { waitsFor: 'the pods of auth to be ready', next: 'weight 10', deadline: iso(600) },
        metrics: [metric('request-success-rate', '%', 99.5, null, null, null, null, { reason: 'not asked yet in this run' })],
        attention: { sentence: '0 of 3 pods of auth 3.4.0-rc2 are ready: ErrImagePull; rolled back at its deadline', next: { what: 'rollback at its deadline', at: iso(600), ifPassed: null, ifFailed: null } },
      }),
      checkout_done
        ? release({ namespace: 'shop', name: 'checkout', status: 'Promoting', severity: 'progress', since: iso(checkout_done), message: '2.8.0 is promoted', stable: side('primary', 'checkout-primary', '2.7.1', images('checkout', '2.7.1'), 4, 4, numbers(31, 17, 130)), canary: side('canary', 'checkout', '2.8.0', images('checkout', '2.8.0'), 4, 4, numbers(32, 17, 124)), weight: { desired: 50, configured: 50 }, steps: { index: 5, total: 7 }, outlook: { waitsFor: 'the pods of checkout-primary to be ready with the new revision', next: 'all traffic to the primary' } })
        : release({
            namespace: 'shop', name: 'checkout', status: 'WaitingPromotion', severity: 'waiting', since: iso(-1860), suspended: paused('shop/checkout'), message: '2.8.0 passed all checks and waits for approval',
            stable: side('primary', 'checkout-primary', '2.7.1', images('checkout', '2.7.1'), 4, 4, numbers(31, 17, 130)),
            canary: side('canary', 'checkout', '2.8.0', images('checkout', '2.8.0'), 4, 4, numbers(32, 17, 124)),
            weight: this.prometheus_ok ? { desired: 50, measured: 0.5 + 0.01 * noise(33, t), sample: 1020, reason: null } : { desired: 50 }, checks: { threshold: 5 }, steps: { index: 5, total: 7 },
            metrics: [metric('request-success-rate', '%', 99, null, 99.94, 'pass', iso(t - 9)), metric('conversion-rate', '%', 3.2, null, 3.61, 'pass', iso(t - 9))],
            exposure: this.prometheus_ok ? { requests: 31620, failed: 19, since: iso(-1860), reason: null } : undefined,
            outlook: { waitsFor: 'approval of its promotion', next: 'promotion', gates: ['confirm-promotion ship'] },
            attention: { sentence: '2.8.0 passed all checks at 50 % and waits for approval: gate ship', next: { what: 'promotion', at: null, ifPassed: null, ifFailed: null } },
          }),
      release({
        namespace: 'shop', name: 'cart', strategy: 'blueGreenMirrored', status: 'Progressing', severity: 'progress', since: iso(next_iteration - 15), suspended: paused('shop/cart'), message: '1.13.0 gets copies of all requests',
        stable: side('primary', 'cart-primary', '1.12.4', images('cart', '1.12.4'), 3, 3, numbers(41, 22, 61)),
        canary: side('canary', 'cart', '1.13.0', images('cart', '1.13.0'), 3, 3, numbers(42, 22, 66)),
        weight: { desired: 0, mirror: true }, checks: { threshold: 2, interval: 15, nextAt: iso(next_iteration) }, steps: { index: iteration, total: 12 },
        metrics: [metric('request-success-rate', '%', 99, null, 99.97, 'pass', iso(next_iteration - 15)), metric('request-duration', 'ms', null, 250, 66, 'pass', iso(next_iteration - 15))],
        exposure: this.prometheus_ok ? { requests: Math.round(22 * 15 * (iteration + 1)), failed: 0, since: iso(next_iteration - 15 * (iteration + 1)), reason: null } : undefined,
        outlook: { waitsFor: 'the next round of checks', next: `iteration ${iteration + 2} of 10`, notBefore: iso(next_iteration) },
      }),
      release({
        namespace: 'billing', name: 'payments', status: 'Progressing', severity: 'progress', since: iso(next_iteration - 15), suspended: paused('billing/payments'), message: '5.1.0 is at 30 %',
        stable: side('primary', 'payments-primary', '5.0.3', ['registry.example.org/billing/payments:5.0.3'], 6, 6, numbers(51, 9.8, 310)),
        canary: side('canary', 'payments', '5.1.0', ['registry.example.org/billing/payments:5.1.0'], 6, 6, numbers(52, 4.2, 298)),
        weight: this.prometheus_ok ? { desired: 30, measured: 0.3 + 0.008 * noise(53, t), sample: 420, reason: null } : { desired: 30 }, checks: { threshold: 4, interval: 15, nextAt: iso(next_iteration) }, steps: { index: 2, total: 7 },
        metrics: [metric('request-success-rate', '%', 99.9, null, 99.98, 'pass', iso(next_iteration - 15)), metric('request-duration', 'ms', null, 400, 298, 'pass', iso(next_iteration - 15))],
        exposure: this.prometheus_ok ? { requests: 2210, failed: 1, since: iso(-520), reason: null } : undefined,
        outlook: { waitsFor: 'the next round of checks', next: 'weight 40', notBefore: iso(next_iteration) },
      }),
      release({ namespace: 'billing', name: 'ledger', status: 'Progressing', severity: 'waiting', suspended: true, since: iso(-7900), message: 'paused by hand at 10 %', stable: side('primary', 'ledger-primary', '0.9.2', ['registry.example.org/billing/ledger:0.9.2'], 2, 2, numbers(61, 12, 22)), canary: side('canary', 'ledger', '0.9.3', ['registry.example.org/billing/ledger:0.9.3'], 2, 2, numbers(62, 1.3, 23)), weight: { desired: 10 }, steps: { index: 1, total: 7 }, outlook: { waitsFor: 'somebody to resume it (spec.suspend is true)' }, attention: { sentence: '0.9.3 is paused by hand at 10 % for two hours' } }),
    ];
    for (const [name, ns, tag, rps, since] of [['catalog', 'shop', '4.2.0', 33, -5200], ['search', 'shop', '1.0.17', 41, -90500], ['recommendations', 'shop', '0.31.2', 12, -260000], ['frontend', 'shop', '7.7.0', 88, -8000], ['emails', 'platform', '2.0.1', 0.4, -431000], ['audit', 'platform', '1.1.1', 3, -777000]]) {
      list.push(release({ namespace: ns, name, status: rps === 12 ? 'Initialized' : 'Succeeded', severity: 'ok', since: iso(since), message: `${tag} serves all traffic`, stable: side('primary', `${name}-primary`, tag, [`registry.example.org/${ns}/${name}:${tag}`], 3, 3, numbers(70 + rps, rps, 55)), canary: side('canary', name, tag, [`registry.example.org/${ns}/${name}:${tag}`], 0, 0, numbers(71, 0, 0)), steps: { index: rps === 12 ? -1 : 6, total: 6 }, outlook: { waitsFor: `a new revision of Deployment ${name}`, next: 'its analysis, which begins with weight 10' } }));
    }
    return list;
  }

  light(one) {
    const { detail: _detail, conditions: _conditions, traffic: _traffic, now: _now, ...rest } = one;
    const { items: _items, ...steps } = rest.steps;
    return { ...rest, steps, metrics: rest.metrics.map(({ query: _query, series: _series, ...kept }) => kept) };
  }

  events() {
    const t = this.t();
    if (this.mode === 'empty' || this.mode === 'forbidden') return [];
    const of_story = this.rows
      .filter((row) => row.t <= t)
      .flatMap((row) => row.said.map((message) => ({ at: iso(row.t), type: row.warning ? 'Warning' : 'Normal', reason: 'Synced', object: { kind: 'Canary', namespace: 'test', name: 'podinfo' }, message, count: 1 })));
    const other = [
      ['billing', 'payments', 'Advance payments.billing canary weight 30', -20, 'Normal'],
      ['platform', 'auth', 'canary deployment auth.platform not ready: waiting for rollout to finish: 0 of 3 (readyThreshold 100%) updated replicas are available', -60, 'Warning'],
      ['shop', 'checkout', 'Halt checkout.shop advancement waiting for promotion approval ship', -1860, 'Warning'],
      ['shop', 'catalog', 'Promotion completed! Scaling down catalog.shop', -5200, 'Normal'],
    ].map(([namespace, name, message, when, type]) => ({ at: iso(when), type, reason: 'Synced', object: { kind: 'Canary', namespace, name }, message, count: 1 }));
    return [...of_story, ...other].sort((a, b) => (a.at < b.at ? 1 : -1)).slice(0, 20);
  }

  overview(namespaces = []) {
    const list = this.releases().filter((one) => namespaces.length === 0 || namespaces.includes(one.namespace));
    const count = (severity) => list.filter((one) => one.severity === severity).length;
    const attention = list.filter((one) => one.attention).map((one) => one.attention);
    const t = this.t();
    const known = this.prometheus_ok && !['idle', 'empty', 'forbidden'].includes(this.mode);
    return {
      now: this.now(),
      lab: true,
      counts: { failing: count('failure'), warning: count('warning'), waiting: count('waiting'), progressing: count('progress'), healthy: count('ok') },
      attention: attention.slice(0, 50),
      attentionTotal: attention.length,
      mesh: { by: known ? 'callers' : null, rps: known ? 312 + 6 * noise(91, t) : null, success: known ? 0.9974 : null, p99: known ? 318 : null, reason: known ? null : this.prometheus_ok ? 'no requests in the last 60 s' : 'Prometheus does not answer', validations: this.validations().counts },
      prometheus: { url: 'http://127.0.0.1:9301/prometheus', ok: this.prometheus_ok, version: this.prometheus_ok ? '2.42.0+ds' : null, scrapeInterval: this.prometheus_ok ? 1 : null, error: this.prometheus_ok ? null : 'no answer in 5 s', since: iso(this.prometheus_ok ? -3600 : t - 14) },
      apiServer: { ok: this.api_ok, error: this.api_ok ? null : 'connection refused', since: iso(this.api_ok ? -3600 : t - 31) },
      problems: this.problems(),
      events: this.events(),
    };
  }

  detailed(one) {
    const t = this.t();
    const is_story = key_of(one) === 'canary/test/podinfo';
    const run = is_story ? this.rows.filter((row) => row.t <= t).slice(-10).reverse() : [];
    const pods = [];
    for (const [label, of] of [['primary', one.revisions.stable], ['canary', one.revisions.canary]]) {
      for (let i = 0; i < of.desired; ++i) {
        const is_ready = i < of.ready;
        pods.push({ name: `${of.workload}-${(of.revision ?? 'x').slice(-6)}-${'xqrzt'[i % 5]}${i}k${label[0]}`, revision: label, phase: is_ready ? 'Running' : 'Pending', ready: is_ready, restarts: 0, node: 'lab', startedAt: iso(label === 'primary' ? -3000 : t - 30), reason: is_ready ? null : one.name === 'auth' ? 'ErrImagePull: registry.example.org/platform/auth:3.4.0-rc2 not found' : 'containers are starting' });
      }
    }
    const object = (kind, name, warning = 0) => ({ kind, namespace: one.namespace, name, exists: true, ok: true, validations: { error: 0, warning, info: 0 } });
    return {
      ...one,
      now: this.now(),
      steps: { ...one.steps, items: one.steps.items ?? plain_steps(one) },
      metrics: one.metrics.map((entry) => ({ query: null, series: [], ...entry })),
      conditions: [{ type: 'Promoted', status: one.status === 'Succeeded' ? 'True' : one.status === 'Failed' ? 'False' : 'Unknown', reason: one.status, message: one.message, at: one.since }],
      traffic: { provider: 'istio', objects: [object('Deployment', one.name), object('Deployment', `${one.name}-primary`), object('VirtualService', one.name, 1), object('DestinationRule', `${one.name}-canary`), object('DestinationRule', `${one.name}-primary`), object('Service', one.name), object('Service', `${one.name}-canary`), object('Service', `${one.name}-primary`)], gateways: [`${one.namespace}/public-gateway`], hosts: ['*'] },
      detail: {
        pods,
        events: this.events().filter((event) => event.object.name === one.name && event.object.namespace === one.namespace),
        decisions: run.map((row) => ({ at: iso(row.t), what: row.what, words: row.words, said: row.said, pods: null, checks: row.checks, wrote: row.wrote, next: { what: row.next.what, notBefore: row.next.at === null ? null : iso(row.next.at) } })),
        notifications: is_story ? run.filter((row) => row.warning).map((row) => ({ at: iso(row.t + 0.2), type: 'alert', name: 'on-call', ok: row.what !== 'roll back', ms: row.what === 'roll back' ? null : 31, error: row.what === 'roll back' ? 'bad response 502' : null })) : [],
        podsReason: null,
        eventsReason: null,
        notificationsReason: null,
        history: run.map((row) => ({ at: iso(row.t), phase: row.phase })),
      },
    };
  }

  yaml(one) {
    const lines = (image) => ['metadata:', '  labels:', `    app: ${one.name}`, 'spec:', '  containers:', '  - env:', '    - name: COLOUR', '      value: blue', '    - name: DB_PASSWORD', '      value: •••', ...(image ? [`    image: ${image}`] : []), '    name: web', '    ports:', '    - containerPort: 9898', '      name: http', '  terminationGracePeriodSeconds: 30'];
    const { stable, canary } = one.revisions;
    const is_changed = stable.images[0] !== canary.images[0];
    const told = lines(null).map((text) => ({ op: 'same', text }));
    told.splice(10, 0, ...(is_changed ? [{ op: 'removed', text: `    image: ${stable.images[0]}` }, { op: 'added', text: `    image: ${canary.images[0]}` }] : [{ op: 'same', text: `    image: ${stable.images[0]}` }]));
    return {
      now: this.now(),
      yaml: ['apiVersion: flagger.app/v1beta1', 'kind: Canary', 'metadata:', `  name: ${one.name}`, `  namespace: ${one.namespace}`, 'spec:', '  provider: istio', '  targetRef:', '    apiVersion: apps/v1', '    kind: Deployment', `    name: ${one.name}`, 'status:', `  phase: ${one.phase}`, ''].join('\n'),
      diff: { from: stable.workload, to: canary.workload, changed: is_changed ? 2 : 0, lines: told },
      reason: null,
    };
  }

  grid(parameters) {
    const now = seconds(this.t());
    const window = Math.max(60, Number(parameters.get('window') ?? 300));
    const step = Number(parameters.get('step')) || [1, 2, 5, 10, 15, 30, 60, 120, 300, 600].find((one) => window / one <= 150);
    const end = Math.floor((Number(parameters.get('at')) || now) / step) * step;
    return { from: end - Math.floor(window / step) * step, to: end, step, refresh: Math.max(step, 2) };
  }

  series(grid, of) {
    const made = { rate: { '2xx': [], '4xx': [], '5xx': [], other: [] }, errors: [], noAnswer: [], p50: [], p95: [], p99: [] };
    const round = (value, digits = 3) => (value === null || value === undefined ? null : Number(value.toFixed(digits)));
    for (let at = grid.from; at <= grid.to + 1e-6; at += grid.step) {
      const value = of(at - seconds(0));
      made.rate['2xx'].push(value ? round(value.rps * (value.success ?? 1)) : null);
      made.rate['4xx'].push(value ? 0 : null);
      made.rate['5xx'].push(value ? round(value.rps * (1 - (value.success ?? 1))) : null);
      made.rate.other.push(value ? 0 : null);
      made.errors.push(value && value.success !== null ? round(1 - value.success, 5) : null);
      made.noAnswer.push(value && value.success !== null ? round(value.noAnswer ?? 0, 5) : null);
      for (const name of ['p50', 'p95', 'p99']) made[name].push(value ? round(value[name], 1) : null);
    }
    return made;
  }

  queries() {
    return {
      rate: 'sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="test",destination_workload="podinfo"}[10s])) by (response_code)',
      errors: 'sum(rate(istio_requests_total{…,response_code=~"5.*"}[10s])) / sum(rate(istio_requests_total{…}[10s]))',
      noAnswer: 'sum(rate(istio_requests_total{…,response_code="0"}[10s])) / sum(rate(istio_requests_total{…}[10s]))',
      p50: 'histogram_quantile(0.5, sum(rate(istio_request_duration_milliseconds_bucket{…}[10s])) by (le))',
      p95: 'histogram_quantile(0.95, …)',
      p99: 'histogram_quantile(0.99, …)',
    };
  }

  comparison(one, parameters) {
    const grid = this.grid(parameters);
    const is_story = key_of(one) === 'canary/test/podinfo';
    const steady = (of, seed) => (t) => (of.rps === null || t < -2400 ? null : { rps: of.rps * (1 + 0.05 * noise(seed, t)), success: of.success === null ? null : Math.min(1, of.success + 0.0006 * noise(seed + 1, t)), p50: of.p50, p95: of.p95 === null ? null : of.p95 * (1 + 0.1 * noise(seed + 2, t)), p99: of.p99 === null ? null : of.p99 * (1 + 0.12 * noise(seed + 3, t)) });
    const of = (which, side_of, seed) => (is_story ? (t) => this.measured(which, t) : steady(side_of, seed));
    const kinds = { advance: 'step', start: 'start', 'count failure': 'failure', 'roll back': 'rollback', promote: 'promote', promoted: 'end', failed: 'end' };
    const marks = is_story ? this.rows.filter((row) => row.t <= this.t() && kinds[row.what] && seconds(row.t) >= grid.from && seconds(row.t) <= grid.to).map((row) => ({ at: seconds(row.t), what: kinds[row.what], label: row.what === 'advance' ? `weight ${row.weight}` : row.words })) : [];
    return { now: this.now(), ...grid, reporter: 'destination', reason: null, stable: this.series(grid, of('primary', one.revisions.stable, 5)), canary: this.series(grid, of('canary', one.revisions.canary, 15)), marks, queries: this.queries() };
  }

  metrics(what, id, parameters) {
    const grid = this.grid(parameters);
    const side_of = id.endsWith('w/test/podinfo') || id.includes('w/test/podinfo/') ? 'canary' : id.includes('podinfo-primary') ? 'primary' : null;
    const seed = [...id].reduce((sum, char) => sum + char.charCodeAt(0), 0) % 97;
    const of = side_of ? (t) => this.measured(side_of, t) : (t) => (t < -2400 ? null : { rps: 20 + 3 * noise(seed, t), success: 0.999 + 0.001 * noise(seed + 1, t), p50: 11, p95: 60 + 8 * noise(seed + 2, t), p99: 140 + 30 * noise(seed + 3, t) });
    const is_gateway = what === 'node' && this.gateways([]).items.some((one) => one.node === id);
    const queries = Object.entries(this.queries()).map(([name, text]) => [name, is_gateway ? text.replace('reporter="destination",destination_workload_namespace="test",destination_workload="podinfo"', 'reporter="source",source_workload_namespace="test",source_workload="test-imgw"') : text]);
    return { now: this.now(), ...grid, reporter: is_gateway ? 'source' : 'destination', reason: null, series: this.series(grid, of), queries: Object.fromEntries(queries) };
  }

  topology(parameters) {
    const t = this.t();
    const wanted = (parameters.get('ns') ?? '').split(',').filter(Boolean);
    const window = Number(parameters.get('window') ?? 300);
    const idle = parameters.get('idle') !== '0';
    const at = Number(parameters.get('at')) || null;
    let { nodes, edges } = this.mode === 'mesh300' || this.mode === 'mesh1000' ? big_mesh(this, t, this.mode === 'mesh300' ? 300 : 1000) : this.mode === 'empty' || this.mode === 'forbidden' ? { nodes: [], edges: [] } : article_mesh(this, at ? at - seconds(0) : t);
    if (!this.prometheus_ok || this.mode === 'idle') {
      const reason = this.prometheus_ok ? `no requests in the last ${window} s` : 'Prometheus does not answer';
      nodes = nodes.map((node) => ({ ...node, in: { rps: null, success: null }, out: { rps: null, success: null }, health: node.health.status === 'failure' ? node.health : { status: 'unknown', reasons: [] }, reason }));
      edges = this.prometheus_ok ? [] : edges.filter((edge) => edge.route).map((edge) => ({ ...edge, rps: null, share: null, success: null, by: null, tries: null, codes: {}, flags: {}, p50: null, p95: null, p99: null, throughput: null, mtls: null, health: { status: 'unknown', reasons: [] }, reason }));
    }
    if (wanted.length) {
      const inside = new Set(nodes.filter((node) => wanted.includes(node.namespace)).map((node) => node.id));
      edges = edges.filter((edge) => inside.has(edge.source) || inside.has(edge.target));
      const seen = new Set([...inside, ...edges.flatMap((edge) => [edge.source, edge.target])]);
      nodes = nodes.filter((node) => seen.has(node.id)).map((node) => (inside.has(node.id) ? node : { ...node, outside: true }));
    }
    if (!idle) {
      const used = new Set(edges.filter((edge) => edge.rps).flatMap((edge) => [edge.source, edge.target]));
      nodes = nodes.filter((node) => used.has(node.id) || node.release || node.kind === 'gateway');
    }
    const type = parameters.get('type') ?? 'workload';
    const whole = { nodes, edges };
    if (type !== 'workload') ({ nodes, edges } = condensed(nodes, edges, type));
    const total = whole.nodes.length;
    const warnings = [];
    let grouped = false;
    if (nodes.length > 400) {
      grouped = true;
      warnings.push(`${total} workloads: grouped by namespace. Choose a namespace to see its workloads`);
      ({ nodes, edges } = by_namespace(whole.nodes, whole.edges));
    }
    const topic = at ? null : `topology:${encodeURIComponent(parameters.toString()) || 'all'}`;
    return { now: this.now(), at: at ?? Math.floor(seconds(t)), window, type, topic, refresh: 2, grouped, truncated: false, nodeTotal: total, warnings, problems: this.problems().filter((problem) => problem.code.startsWith('prometheus')), nodes, edges };
  }

  gateways(namespaces) {
    if (['empty', 'forbidden'].includes(this.mode)) return { now: this.now(), items: [], continue: null, total: 0, problems: [] };
    const known = this.prometheus_ok && this.mode !== 'idle';
    const gateway = (namespace, name, facts) => ({ namespace, name, kind: 'IstioMeshGateway', type: 'ingress', status: 'Available', error: '', health: { status: 'healthy', reasons: [] }, node: `w/${namespace}/${name}`, addresses: ['127.112.0.1'], labAddress: '127.112.0.1:80', controlPlane: 'istio-system/cp-v112x', revision: 'cp-v112x.istio-system', ports: [{ name: 'http', port: 80, targetPort: 8080, listening: true }], gateways: [{ namespace, name: 'public-gateway', servers: [{ port: 80, protocol: 'HTTP', hosts: ['*'], credentialName: null }] }], virtualServices: [`${namespace}/podinfo`], rps: known ? 20.1 : null, success: known ? 0.9862 : null, p99: known ? 388 : null, reason: known ? null : this.prometheus_ok ? 'no requests in the last 60 s' : 'Prometheus does not answer', ...facts });
    const items = [
      gateway('shop', 'shop-gw', { addresses: ['127.112.0.2'], labAddress: '127.112.0.2:80', ports: [{ name: 'http2', port: 80, targetPort: 8080, listening: true }, { name: 'https', port: 443, targetPort: 8443, listening: false }], gateways: [{ namespace: 'shop', name: 'shop', servers: [{ port: 80, protocol: 'HTTP', hosts: ['shop.example.org', 'www.shop.example.org'], credentialName: null }, { port: 443, protocol: 'HTTPS', hosts: ['shop.example.org'], credentialName: 'shop-cert' }] }], virtualServices: ['shop/frontend', 'shop/checkout'], health: { status: 'degraded', reasons: ['port 443 is not listening: no certificate'] }, rps: known ? 88.4 : null, success: known ? 0.9996 : null, p99: known ? 212 : null }),
      gateway('test', 'test-imgw', {}),
      gateway('platform', 'partners-gw', { status: 'Reconciling', error: 'ingress gateway endpoint address is pending', addresses: [], labAddress: null, health: { status: 'notReady', reasons: [] }, gateways: [], virtualServices: [], rps: known ? 0 : null, success: null, p99: null, reason: known ? 'no requests in the last 60 s' : 'Prometheus does not answer' }),
    ].filter((one) => namespaces.length === 0 || namespaces.includes(one.namespace));
    return { now: this.now(), items, continue: null, total: items.length, problems: this.problems().filter((problem) => problem.code !== 'api_server_away') };
  }

  validations(namespaces = []) {
    const finding = (id, code, level, kind, namespace, name, path, message, suggestion = null) => ({ id, code, level, object: { kind, namespace, name }, path, message, since: iso(-1200), suggestion });
    let items = ['empty', 'forbidden'].includes(this.mode)
      ? []
      : [
          finding('1', 'IST0101', 'error', 'VirtualService', 'shop', 'frontend', 'spec.http[0].route[1].destination.host', 'Referenced host not found: "frontend-beta"', 'create Service shop/frontend-beta, or remove the destination'),
          finding('2', 'SLU0001', 'error', 'Canary', 'platform', 'auth', 'spec.service.gateways[0]', 'Gateway platform/partners selects no running gateway pod', 'label the pods of partners-gw with app: partners-gw'),
          finding('3', 'SLU0004', 'warning', 'Canary', 'test', 'podinfo', 'spec.analysis.metrics[0]', 'about 20 requests per check at weight 20: one failure is 5 %, and the threshold 99 % can only mean none', 'a longer interval, or minRequests: 100'),
          finding('4', 'SLU0005', 'warning', 'Canary', 'billing', 'payments', 'spec.analysis.metrics[1].interval', 'interval 15s is less than 4 × the scrape interval of 5s', 'interval: 30s'),
          finding('5', 'SLU0007', 'warning', 'Canary', 'test', 'podinfo', 'spec.service.retries', 'the mesh tries again what failed: users see fewer failures than request-success-rate counts', 'set retries.attempts: 0 to judge what users see, or leave it: the check is stricter than their experience'),
          finding('6', 'IST0118', 'info', 'Service', 'billing', 'ledger', 'spec.ports[0].name', "Port name grpc_api (port: 9000, targetPort: 9000) doesn't follow the naming convention of Istio port.", 'name: grpc-api'),
          finding('7', 'SLU0012', 'info', 'Canary', 'test', 'podinfo', 'spec.service.gateways', 'its hosts are not reachable from mesh: callers inside it see the primary only', 'add mesh to the gateways'),
        ];
    if (this.mode === 'thousand') for (let i = 0; i < 2400; ++i) items.push(finding(`t${i}`, i % 3 ? 'SLU0004' : 'IST0118', i % 3 ? 'warning' : 'info', i % 3 ? 'Canary' : 'Service', `team-${String(i % 40).padStart(2, '0')}`, `service-${String(i % 1000).padStart(4, '0')}`, `spec.analysis.metrics[${i % 7}]`, 'about 20 requests per check at weight 10: one failure is 5 %, and the threshold 99 % can only mean none', 'a longer interval, or minRequests: 100'));
    items = items.filter((one) => namespaces.length === 0 || namespaces.includes(one.object.namespace));
    const count = (level) => items.filter((one) => one.level === level).length;
    return { now: this.now(), items, continue: null, total: items.length, counts: { error: count('error'), warning: count('warning'), info: count('info') }, problems: [] };
  }

  images(one) {
    const may = Object.keys(one.actions).length > 0;
    const under_way = ['Waiting', 'Progressing', 'WaitingPromotion', 'Promoting', 'Finalising'].includes(one.status);
    return { now: this.now(), containers: may ? one.revisions.canary.images.map((image, i) => ({ container: i ? `sidecar-${i}` : one.target.name, image })) : [], consequence: !may ? '' : under_way ? 'begins the analysis anew with it' : 'begins a release' };
  }

  act(one, verb, seen, args) {
    const key = key_of(one);
    const state = one.actions[verb];
    const name = `${one.name}.${one.namespace}`;
    if (!state && verb !== 'image') return { status: 403, code: 'forbidden', message: `You may not ${verb} canaries in namespace ${one.namespace}` };
    if (seen.uid !== one.uid || seen.revision !== one.revision || seen.phase !== one.status) return { status: 409, code: 'changed', message: `${name} is ${one.status} now, of revision ${one.revision}` };
    if (verb === 'image') {
      const has = this.images(one).containers.find((container) => container.container === args?.container);
      if (!has) return { status: 422, code: 'not_allowed_now', message: `${one.target.kind} ${name} has no container ${args?.container}` };
      if (!/^[a-z0-9][^ ]*$/.test(args.image)) return { status: 422, code: 'not_allowed_now', message: `${args.image} is no reference of an image` };
      return { status: 202, text: `${name}: ${args.image} ${this.images(one).consequence}` };
    }
    if (verb === 'pause' || verb === 'resume') {
      if (verb === 'pause') this.suspended.add(key);
      else this.suspended.delete(key);
      return { status: 202, text: `${name}: ${verb === 'pause' ? 'paused' : 'resumed'}` };
    }
    if (!state.allowed) return { status: 422, code: 'not_allowed_now', message: state.why };
    if (verb === 'abort' && key === 'canary/test/podinfo') this.rows = [...story.plot.filter((row) => row.t <= this.t()), ...story.aborted_at(this.t())];
    this.written.set(key, this.t());
    const deed = { promote: 'is promoted without further checks', step: 'goes past its gate, and no further', abort: 'is rolled back', retry: 'is judged again' }[verb];
    return { status: 202, text: `${name}: revision ${one.revision} ${deed}` };
  }
}

export function key_of(one) {
  return `${one.kind.toLowerCase()}/${one.namespace}/${one.name}`;
}

function steps_of(run, row, t, under_way) {
  const weights = [20, 40, 60, 80];
  const reached = (weight) => run.find((one) => one.what === 'advance' && one.weight === weight);
  const promoted = run.find((one) => one.what === 'promote');
  const home = run.find((one) => one.what === 'all home');
  const done = run.find((one) => one.what === 'promoted');
  const over = run.find((one) => one.what === 'roll back');
  const marks = [...weights.map((weight) => ({ type: 'setWeight', label: `weight ${weight}`, weight, at: reached(weight) })), { type: 'promote', label: 'promotion: the primary gets the new revision', weight: 80, at: promoted }, { type: 'home', label: 'all traffic to the primary', weight: 0, at: home }, { type: 'finish', label: 'Succeeded: podinfo is scaled to zero', weight: 0, at: done }];
  let index = -1;
  marks.forEach((mark, i) => {
    if (mark.at) index = i;
  });
  const items = marks.map((mark, i) => {
    const end = marks[i + 1]?.at ?? (i === index ? over : undefined);
    const last = run.filter((one) => mark.at && one.t > mark.at.t && one.checks.length).find((one) => one.what === 'count failure' || one === marks[i + 1]?.at);
    const state = !mark.at ? (over ? 'skipped' : 'pending') : mark.type === 'finish' ? 'done' : end && end !== over ? 'done' : over ? 'failed' : 'current';
    return { i, type: mark.type, label: mark.label, weight: mark.weight, state, startedAt: mark.at ? iso(mark.at.t) : null, endedAt: end ? iso(end.t) : null, gates: [], results: last ? last.checks.map((check) => ({ name: check.check, value: Number(check.answer), unit: check.check.endsWith('rate') ? '%' : 'ms', min: check.check.endsWith('rate') ? 99 : null, max: check.check.endsWith('rate') ? null : 500, verdict: check.verdict, text: `${check.check} ${check.answer}` })) : [] };
  });
  if (!under_way && !over && !done) return { index: -1, total: items.length, items: items.map((item) => ({ ...item, state: 'pending' })) };
  return { index: done ? items.length : index, total: items.length, items };
}

function plain_steps(one) {
  const is_iterations = one.strategy !== 'canary';
  const total = one.steps.total;
  return Array.from({ length: total }, (_, i) => {
    const is_last = i === total - 1;
    const weight = is_iterations ? 0 : Math.min(50, 10 * (i + 1));
    return { i, type: is_last ? 'finish' : i === total - 2 ? 'promote' : is_iterations ? 'iteration' : 'setWeight', label: is_last ? `Succeeded: ${one.name} is scaled to zero` : i === total - 2 ? 'promotion: the primary gets the new revision' : is_iterations ? `iteration ${i + 1} of ${total - 2}` : `weight ${weight}`, weight, state: i < one.steps.index ? 'done' : i === one.steps.index ? (one.severity === 'failure' ? 'failed' : 'current') : 'pending', startedAt: null, endedAt: null, gates: i === total - 2 ? one.outlook.gates : [], results: [] };
  });
}

function node(kind, namespace, name, facts = {}) {
  const prefix = kind === 'service' ? 's' : kind === 'external' ? 'x' : 'w';
  return { id: kind === 'unknown' ? 'unknown' : kind === 'external' ? `x/${name}` : `${prefix}/${namespace}/${name}`, kind, workloadKind: kind === 'workload' || kind === 'gateway' ? 'Deployment' : null, namespace, name, app: kind === 'workload' || kind === 'gateway' ? name.replace(/-primary$/, '') : null, version: null, outside: false, health: { status: 'healthy', reasons: [] }, replicas: kind === 'workload' || kind === 'gateway' ? { ready: 2, desired: 2 } : null, badges: kind === 'gateway' ? ['gateway'] : [], release: null, in: { rps: 0, success: null }, out: { rps: 0, success: null }, addresses: [], workloads: null, members: [], memberKinds: [], reason: null, ...facts };
}

function edge(source, target, rps, facts = {}) {
  const success = facts.success ?? (rps > 0 ? 0.9993 : null);
  const errors = rps * (1 - (success ?? 1));
  return { id: `e/${source}>${target}/${facts.protocol ?? 'http'}`, source, target, protocol: 'http', rps, share: null, codes: rps > 0 ? { 200: Number((rps - errors).toFixed(3)), ...(errors > 0.001 ? { 500: Number(errors.toFixed(3)) } : {}) } : {}, flags: rps > 0 ? { '-': rps } : {}, p50: rps > 0 ? 9 : null, p95: rps > 0 ? 60 : null, p99: rps > 0 ? 120 : null, throughput: rps > 0 ? (facts.protocol === 'tcp' ? { in: 0.25 * rps, out: 0.75 * rps } : { in: 420 * rps, out: 1900 * rps }) : null, mtls: rps > 0 ? 1 : null, principals: [], mirror: false, health: { status: rps > 0 ? 'healthy' : 'unknown', reasons: [] }, route: null, reason: rps > 0 ? null : 'no requests in the window', by: rps > 0 && facts.protocol !== 'tcp' ? 'callers' : null, tries: rps > 0 && facts.protocol !== 'tcp' ? { rps, success: success ?? 1, cutOff: 0 } : null, ...facts, success };
}

function members(one, severity = one.severity) {
  const of = (role, side_of) => ({ kind: one.kind, namespace: one.namespace, name: one.name, role, weight: role === 'canary' ? one.weight.desired : 100 - one.weight.desired, severity, version: side_of.version });
  const make = (role, side_of) =>
    node('workload', one.namespace, side_of.workload, { version: side_of.version, replicas: { ready: side_of.ready, desired: side_of.desired }, release: of(role, side_of), badges: role === 'canary' && one.weight.desired > 0 ? ['trafficShifting'] : [], in: { rps: side_of.rps, success: side_of.success }, health: role === 'canary' && one.severity === 'failure' && one.status !== 'Failed' ? { status: 'failure', reasons: [`release check ${one.attention?.check?.text ?? ''}`] } : side_of.desired === 0 ? { status: 'notReady', reasons: ['scaled to zero'] } : side_of.ready < side_of.desired ? { status: side_of.ready ? 'degraded' : 'failure', reasons: [`${side_of.ready} of ${side_of.desired} pods ready`] } : { status: side_of.rps ? 'healthy' : 'unknown', reasons: [] } });
  return [make('primary', one.revisions.stable), make('canary', one.revisions.canary)];
}

function to_members(source, one, more = {}) {
  const total = (one.revisions.stable.rps ?? 0) + (one.weight.mirror ? 0 : (one.revisions.canary.rps ?? 0));
  return [one.revisions.stable, one.revisions.canary].map((of, i) => {
    const is_bad = i === 1 && one.severity === 'failure' && (of.rps ?? 0) > 0;
    const rps = of.rps ?? 0;
    return edge(source, `w/${one.namespace}/${of.workload}`, rps, { share: total > 0 ? rps / total : null, success: of.success, p50: of.p50, p95: of.p95, p99: of.p99, mirror: i === 1 && one.weight.mirror, health: rps === 0 ? { status: 'unknown', reasons: [] } : is_bad ? { status: 'failure', reasons: [`success ${(100 * of.success).toFixed(2)} % is below the release's 99 %`] } : { status: 'healthy', reasons: [] }, route: { object: `VirtualService ${one.namespace}/${one.name}`, index: 0, weight: i === 1 ? one.weight.desired : 100 - one.weight.desired }, ...more });
  });
}

function article_mesh(world, t) {
  const releases = new Map([world.podinfo(t), ...world.others(t), ...(world.mode === 'odd' ? odd(t) : [])].map((one) => [key_of(one), one]));
  const podinfo = releases.get('canary/test/podinfo');
  const get = (ns, name) => releases.get(`canary/${ns}/${name}`);
  // No proxy reports what arrives at a gateway from outside: nobody is drawn before it.
  const nodes = [node('gateway', 'test', 'test-imgw', { app: 'test-imgw-app', addresses: ['127.112.0.1'], in: { rps: 20, success: 0.986 }, out: { rps: 20, success: 0.986 } }), ...members(podinfo)];
  const edges = to_members('w/test/test-imgw', podinfo, { mtls: 0 });
  nodes.push(node('gateway', 'shop', 'shop-gw', { addresses: ['127.112.0.2'], in: { rps: 88, success: 0.9996 }, out: { rps: 88, success: 0.9996 } }));
  const plain = (ns, name, rps) => node('workload', ns, name, { version: '1', in: { rps, success: 0.999 } });
  nodes.push(plain('shop', 'frontend-primary', 88), plain('shop', 'catalog-primary', 33), plain('shop', 'search-primary', 41), plain('billing', 'ledger-db', 4), plain('platform', 'emails-primary', 0.4), node('external', null, 'api.bank.example'), node('workload', 'platform', 'audit-primary', { in: { rps: 0, success: null }, health: { status: 'unknown', reasons: [] }, badges: ['idle'] }));
  edges.push(edge('w/shop/shop-gw', 'w/shop/frontend-primary', 88.2), edge('w/shop/frontend-primary', 'w/shop/catalog-primary', 33), edge('w/shop/frontend-primary', 'w/shop/search-primary', 41.2));
  for (const [ns, name] of [['shop', 'cart'], ['shop', 'checkout'], ['billing', 'payments'], ['platform', 'auth']]) nodes.push(...members(get(ns, name)));
  edges.push(...to_members('w/shop/frontend-primary', get('shop', 'cart')), ...to_members('w/shop/frontend-primary', get('shop', 'checkout')), ...to_members('w/shop/shop-gw', get('platform', 'auth')));
  edges.push(...to_members('w/shop/checkout-primary', get('billing', 'payments')));
  edges.push(edge('w/billing/payments-primary', 'x/api.bank.example', 9.8, { p99: 290, mtls: 0 }), edge('w/billing/payments-primary', 'w/billing/ledger-db', 42_000, { protocol: 'tcp', success: null, codes: {}, p50: null, p95: null, p99: null }), edge('w/shop/checkout', 'w/platform/emails-primary', 0.4));
  for (const extra of world.mode === 'odd' ? odd(t) : []) {
    nodes.push(...members(extra));
    edges.push(...to_members('w/shop/shop-gw', extra));
  }
  return { nodes, edges };
}

function big_mesh(world, t, size) {
  const { nodes, edges } = article_mesh(world, t);
  const layers = 6;
  const per = Math.ceil((size - nodes.length) / layers);
  const made = [];
  for (let i = 0; nodes.length + made.length < size; ++i) {
    const layer = i % layers;
    const rps = 5 + 40 * Math.abs(noise(7, i));
    made.push(node('workload', `team-${String.fromCharCode(97 + Math.floor((14 * i) / (size - nodes.length)))}`, `svc-${layer}-${Math.floor(i / layers)}`, { version: `1.${i % 9}.0`, in: { rps, success: 0.999 }, health: i % 41 === 0 ? { status: 'degraded', reasons: ['1 of 2 pods ready'] } : { status: 'healthy', reasons: [] } }));
  }
  const id = (layer, n) => made[n * layers + layer]?.id;
  for (let i = 0; i < made.length; ++i) {
    const layer = i % layers;
    const n = Math.floor(i / layers);
    if (layer === 0) edges.push(edge('w/shop/frontend-primary', made[i].id, made[i].in.rps));
    for (const target of layer + 1 < layers ? [id(layer + 1, n), ...(n % 2 ? [id(layer + 1, (n % 9 === 1 ? n * 7 + 3 : n + 1) % per)] : [])] : []) {
      if (target) edges.push(edge(made[i].id, target, 3 + 20 * Math.abs(noise(8, i))));
    }
  }
  const seen = new Set();
  return { nodes: [...nodes, ...made], edges: edges.filter((one) => !seen.has(one.id) && seen.add(one.id)) };
}

function by_namespace(nodes, edges) {
  const of = new Map(nodes.map((one) => [one.id, one.namespace ? `n/${one.namespace}` : one.id]));
  const groups = new Map();
  for (const one of nodes) {
    if (!one.namespace) {
      groups.set(one.id, one);
      continue;
    }
    const key = `n/${one.namespace}`;
    const group = groups.get(key) ?? { ...node('namespace', one.namespace, one.namespace), id: key, replicas: null, workloads: 0, in: { rps: 0, success: 0.999 } };
    group.workloads += 1;
    group.in.rps += one.in.rps ?? 0;
    if (one.health.status === 'failure') group.health = { status: 'failure', reasons: [...group.health.reasons, `${one.name}: ${one.health.reasons[0] ?? 'failing'}`].slice(0, 10) };
    if (one.release && (!group.release || one.release.severity === 'failure')) group.release = { ...one.release, role: 'group', weight: null };
    groups.set(key, group);
  }
  const sums = new Map();
  for (const one of edges) {
    const source = of.get(one.source);
    const target = of.get(one.target);
    if (!source || !target || source === target) continue;
    const key = `e/${source}>${target}/http`;
    const sum = sums.get(key) ?? { ...edge(source, target, 0.0001), id: key, rps: 0 };
    sum.rps += one.protocol === 'http' ? (one.rps ?? 0) : 0;
    if (one.health.status === 'failure') sum.health = one.health;
    sums.set(key, sum);
  }
  return { nodes: [...groups.values()], edges: [...sums.values()] };
}

// Names and texts that no cluster should have, and numbers that are not there.
function odd(t) {
  const numbers = { rps: 3.2, success: null, p50: null, p95: null, p99: null };
  const html = '<img src=x onerror="window.__pwned=1"><b>bold</b>';
  const one = release({ namespace: 'odd', name: '🚀-<b>ship</b>', status: 'Progressing', severity: 'warning', since: iso(t - 200), message: `hook answered ${html}`, stable: side('primary', '🚀-primary', 'v1.0-ünïcödé', [`registry/<script>alert(1)</script>:v1.0-ünïcödé`], 1, 1, numbers), canary: side('canary', '🚀-canary', 'v2-' + 'very-long-tag-'.repeat(6), ['registry/🚀:v2'], 1, 1, { ...numbers, rps: null }, 'the query has no result'), weight: { desired: 12.5 }, metrics: [metric('error-rate', null, null, 1, null, 'nodata', iso(t - 12), { reason: 'the query has no result' }), metric(html, null, null, 1, 0.2, 'pass', iso(t - 12))], outlook: { waitsFor: html, next: 'weight 25', notBefore: iso(t + 40) }, attention: { sentence: `error-rate: no data; ${html}` } });
  const bare = release({ namespace: 'odd', name: 'without-metrics', status: 'Progressing', severity: 'progress', since: iso(t - 20), message: 'it goes on by time alone', stable: side('primary', 'bare-primary', null, [], 0, 0, null, 'the query has no result'), canary: side('canary', 'bare', null, [], 0, 0, null, 'the query has no result'), steps: { index: -1, total: 0 }, outlook: { waitsFor: 'the next round of checks' } });
  // The longest that a cluster allows.
  const name = 'n'.repeat(63);
  const namespace = 'm'.repeat(63);
  const image = `registry.example.org/${'team/'.repeat(12)}${name}:${'v'.repeat(60)}`;
  const long = release({ namespace, name, status: 'Progressing', severity: 'failure', since: iso(t - 30), message: `Halt ${name}.${namespace} advancement success rate 91.00% < 99%`, stable: side('primary', name, 'v'.repeat(60), [image], 2, 2, { ...numbers, success: 0.999, p99: 40 }), canary: side('canary', `${name.slice(0, 56)}-canary`, 'w'.repeat(60), [image], 2, 2, { ...numbers, success: 0.91, p99: 90 }), weight: { desired: 20 }, checks: { failed: 1, threshold: 3 }, metrics: [metric(name, '%', 99, null, 91, 'fail', iso(t - 12))], outlook: { waitsFor: 'the next round of checks', next: 'weight 25', notBefore: iso(t + 40) }, attention: { sentence: `${name} 91.00 % < 99 %; 1 of 3 allowed failures; canary ${'w'.repeat(60)} at 20 % (3.2 rps)` } });
  return [one, bare, long];
}

function thousand(t) {
  const list = [];
  for (let i = 0; i < 1000; ++i) {
    const namespace = `team-${String(i % 40).padStart(2, '0')}`;
    const name = `service-${String(i).padStart(4, '0')}`;
    const from = `${1 + (i % 7)}.${i % 23}.0`;
    const to = `${1 + (i % 7)}.${(i % 23) + 1}.0`;
    const numbers = { rps: 2 + (i % 50), success: 0.999, p50: 8, p95: 40, p99: 90 + (i % 60) };
    const kind = i % 97 === 3 ? 'failure' : i % 61 === 5 ? 'warning' : i % 37 === 7 ? 'waiting' : i % 11 === 4 ? 'progress' : 'ok';
    const weight = kind === 'ok' || kind === 'warning' ? 0 : 10 + 10 * (i % 5);
    const active = kind !== 'ok';
    const failed = metric('request-success-rate', '%', 99, null, 92 + (i % 60) / 10, 'fail', iso(-20));
    list.push(
      release({
        namespace, name, severity: kind, since: iso(-60 - i * 7), status: { failure: 'Progressing', warning: 'Progressing', waiting: 'WaitingPromotion', progress: 'Progressing', ok: 'Succeeded' }[kind],
        message: kind === 'ok' ? `${from} serves all traffic` : kind === 'warning' ? `0 of 2 pods of ${name} are ready` : `${to} is at ${weight} %`,
        stable: side('primary', `${name}-primary`, from, [`registry.example.org/${namespace}/${name}:${from}`], 2, 2, numbers),
        canary: side('canary', name, active ? to : from, [`registry.example.org/${namespace}/${name}:${active ? to : from}`], active && kind !== 'warning' ? 2 : 0, active ? 2 : 0, active ? { ...numbers, rps: numbers.rps * (weight / 100) } : { rps: 0, success: null, p50: null, p95: null, p99: null }),
        weight: { desired: weight, ...(weight ? { measured: weight / 100, sample: 400, reason: null } : {}) },
        checks: { failed: kind === 'failure' ? 1 + (i % 2) : 0, threshold: 3, nextAt: active ? iso(t + (i % 30)) : null },
        steps: { index: active ? i % 5 : 6, total: 6 },
        metrics: [kind === 'failure' ? failed : metric('request-success-rate', '%', 99, null, 99.9, 'pass', iso(-20)), metric('request-duration', 'ms', null, 500, numbers.p99, 'pass', iso(-20))],
        exposure: active ? { requests: 1200 + i, failed: kind === 'failure' ? 80 : 1, since: iso(-300), reason: null } : undefined,
        outlook: active ? { waitsFor: kind === 'waiting' ? 'approval of its promotion' : kind === 'warning' ? `the pods of ${name} to be ready` : 'the next round of checks', next: kind === 'waiting' ? 'promotion' : `weight ${weight + 10}`, notBefore: kind === 'progress' || kind === 'failure' ? iso(t + (i % 30)) : null } : { waitsFor: `a new revision of Deployment ${name}`, next: 'its analysis, which begins with weight 10' },
        attention: kind === 'failure' ? { sentence: `${failed.text}; ${1 + (i % 2)} of 3 allowed failures; canary ${to} at ${weight} % (${(numbers.rps * weight / 100).toFixed(1)} rps)`, check: check_result(failed), next: { what: 'check', at: iso(t + (i % 30)), ifPassed: i % 4 ? `weight ${weight + 10}` : 'promotion', ifFailed: i % 2 ? 'rolls back' : 'holds (1 left)' } } : kind === 'warning' ? { sentence: `0 of 2 pods of ${name} ${to} are ready` } : kind === 'waiting' ? { sentence: `${to} passed all checks at ${weight} % and waits for approval` } : null,
      }),
    );
  }
  return list;
}
