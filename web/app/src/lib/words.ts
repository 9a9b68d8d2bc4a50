// One word and one icon for each state; the colour only repeats them.
import { count, plural } from './format';
import type { Edge, Health, Injection, Metric, Node, Release, Severity, Step, Verb, Verdict } from '../api/types';

export type Tone = 'fail' | 'warn' | 'wait' | 'busy' | 'ok' | 'idle';

export interface Mark {
  word: string;
  icon: string;
  tone: Tone;
}

export const severities: Record<Severity, Mark> = {
  failure: { word: 'Failing', icon: 'fail', tone: 'fail' },
  warning: { word: 'Stuck', icon: 'warn', tone: 'warn' },
  waiting: { word: 'Waiting', icon: 'pause', tone: 'wait' },
  progress: { word: 'Progressing', icon: 'busy', tone: 'busy' },
  ok: { word: 'Healthy', icon: 'ok', tone: 'ok' },
};

export const severity_order: Severity[] = ['failure', 'warning', 'waiting', 'progress', 'ok'];

export function mark_of(release: Release): Mark {
  const mark = severities[release.severity] ?? severities.ok;
  if (release.suspended) return { ...mark, word: 'Paused', icon: 'pause', tone: release.severity === 'failure' ? 'fail' : 'wait' };
  if (release.severity === 'failure' && release.status === 'Failed') return { ...mark, word: 'Failed' };
  if (release.severity === 'failure' || release.severity === 'warning') return mark;
  if (release.severity === 'waiting') return mark;
  return { ...mark, word: spaced(release.status) };
}

// "WaitingPromotion" → "Waiting promotion".
function spaced(word: string): string {
  const text = word.replace(/([a-z])([A-Z])/g, '$1 $2');
  return text.charAt(0) + text.slice(1).toLowerCase();
}

export const verdicts: Record<Verdict, Mark> = {
  pass: { word: 'Pass', icon: 'ok', tone: 'ok' },
  fail: { word: 'Fail', icon: 'fail', tone: 'fail' },
  inconclusive: { word: 'Inconclusive', icon: 'warn', tone: 'warn' },
  error: { word: 'Error', icon: 'warn', tone: 'fail' },
  nodata: { word: 'No data', icon: 'none', tone: 'warn' },
};

export const healths: Record<Health['status'], Mark> = {
  failure: { word: 'Failing', icon: 'fail', tone: 'fail' },
  degraded: { word: 'Degraded', icon: 'warn', tone: 'warn' },
  notReady: { word: 'Not ready', icon: 'none', tone: 'idle' },
  healthy: { word: 'Healthy', icon: 'ok', tone: 'ok' },
  unknown: { word: 'No traffic', icon: 'none', tone: 'idle' },
};

// Of what runs pods: at rest a canary has none, and that is no trouble.
export function health_of(health: Health, replicas: { desired: number } | null): Mark {
  if (health.status === 'notReady' && replicas?.desired === 0) return { word: 'Scaled to zero', icon: 'none', tone: 'idle' };
  return healths[health.status] ?? healths.unknown;
}

// TCP has traffic, and nothing by which it could be judged.
export function health_of_edge(edge: Edge): Mark {
  if (edge.health.status === 'unknown' && (edge.rps ?? 0) > 0) return { word: 'Not judged', icon: 'none', tone: 'idle' };
  return healths[edge.health.status] ?? healths.unknown;
}

export const levels: Record<'error' | 'warning' | 'info', Mark> = {
  error: { word: 'Error', icon: 'fail', tone: 'fail' },
  warning: { word: 'Warning', icon: 'warn', tone: 'warn' },
  info: { word: 'Info', icon: 'info', tone: 'busy' },
};

export function versions(release: Release): { from: string; to: string | null } {
  const from = release.revisions.stable.version ?? 'unknown';
  const to = release.revisions.canary.version;
  return { from, to: to && to !== from ? to : null };
}

// What comes next. What has a time is the check: the plan goes on only where it passes.
export function coming(release: Release): { what: string | null; at: string | null; if_passed: string | null } {
  const { next, notBefore } = release.outlook;
  if (release.checks.nextAt && next && next !== 'rollback') return { what: 'check', at: release.checks.nextAt, if_passed: next };
  return { what: next, at: notBefore, if_passed: null };
}

// What was measured last, worst first.
export function worst_metrics(release: Release): Metric[] {
  const ranks = ['fail', 'error', 'nodata', 'inconclusive', 'pass'];
  const rank = (metric: Metric) => (metric.verdict ? ranks.indexOf(metric.verdict) : ranks.length);
  return release.metrics.toSorted((a, b) => rank(a) - rank(b));
}

export function is_under_way(release: Release): boolean {
  return ['Waiting', 'Progressing', 'WaitingPromotion', 'Promoting', 'Finalising', 'Paused'].includes(release.status);
}

// Whom the new version met, in the words of its callers: a try that was cut off and tried again failed for nobody.
export function met_words({ failed, cutOff, by, reason }: Release['exposure']): string {
  if (failed === null) return reason ?? '';
  if (by !== 'callers') return `${count(failed)} failed or got no answer, by the app’s own count: no caller’s proxy reports`;
  const said = failed === 0 ? 'none failed for users' : `${count(failed)} failed for users`;
  if (!cutOff) return said;
  const tries = cutOff === 1 ? '1 try was' : `${count(cutOff)} tries were`;
  return `${said}; ${tries} cut off${failed === 0 ? ' and tried again' : ''}`;
}

// What is offered beside a release in a list; its own page offers all verbs.
export function offered(release: Release): Verb[] {
  if (release.status === 'Failed' || release.status === 'Succeeded') return ['retry'];
  if (release.suspended) return ['resume', 'abort'];
  if (release.severity === 'waiting') return ['step', 'promote', 'abort'];
  return ['abort', 'pause'];
}

export const verb_words: Record<string, { word: string; means: string }> = {
  promote: { word: 'Promote', means: 'ends the analysis without further checks and gives the new version all traffic' },
  step: { word: 'Next step', means: 'lets the release past the gate that it waits at, one step and no further' },
  abort: { word: 'Abort', means: 'sends all traffic back to the primary and scales the new version down' },
  pause: { word: 'Pause', means: 'freezes everything where it is, a rollback too, until somebody resumes it' },
  resume: { word: 'Resume', means: 'goes on from where it was paused' },
  retry: { word: 'Retry', means: 'has the failed revision judged again from the start' },
};

// What the mesh's configuration says of a node; `idle` and `dead` are said by its health, `gateway` by its shape.
export const badges: Record<Node['badges'][number], { word: string; icon: string; means: string }> = {
  gateway: { word: 'Gateway', icon: 'gateway', means: 'takes traffic from outside' },
  trafficShifting: { word: 'Traffic shifting', icon: 'split', means: 'a route shares requests out by weight' },
  mirroring: { word: 'Mirroring', icon: 'copy', means: 'gets copies of requests' },
  faultInjection: { word: 'Faults', icon: 'fault', means: 'a route delays or refuses requests on purpose' },
  requestRouting: { word: 'Request routing', icon: 'graph', means: 'a route chooses by header, path or method' },
  timeout: { word: 'Timeout', icon: 'clock', means: 'a route gives up after a time' },
  circuitBreaker: { word: 'Circuit breaker', icon: 'breaker', means: 'a DestinationRule limits connections or ejects bad pods' },
  missingSidecar: { word: 'No sidecar', icon: 'unlock', means: 'its namespace asks for sidecars, and pods have none' },
  dead: { word: 'No pods', icon: 'none', means: 'nothing runs' },
  idle: { word: 'Idle', icon: 'none', means: 'no requests in the window' },
};
export const drawn_badges = new Set<Node['badges'][number]>(['trafficShifting', 'mirroring', 'faultInjection', 'requestRouting', 'timeout', 'circuitBreaker', 'missingSidecar']);

// Why the proxy itself answered, or ended a request; a flag that is not here is told as it is.
export const flags: Record<string, string> = {
  NR: 'no route for it',
  NC: 'the route names what the proxy does not know',
  UH: 'no healthy pod',
  UF: 'the connection to the pod failed',
  UC: 'the pod closed the connection',
  UR: 'the pod reset the request',
  LR: 'reset by the proxy',
  UO: 'more than the circuit breaker lets through',
  UT: 'no answer within the timeout',
  URX: 'all retries were used up',
  DC: 'who asked did not wait for the answer',
  DI: 'delayed on purpose',
  FI: 'refused on purpose',
};

// Several may stand together: `UF,URX`.
export function flag_words(text: string): string {
  return text
    .split(',')
    .map((flag) => flags[flag.trim()])
    .filter(Boolean)
    .join(', ');
}

export function sidecar_of(injection: Injection): Mark & { why: string | null } {
  if (injection.needsRestart) return { word: 'Restart', icon: 'warn', tone: 'warn', why: injection.reason };
  if (injection.injected) return { word: 'Sidecar', icon: 'ok', tone: 'ok', why: injection.revision };
  return { word: 'None', icon: 'none', tone: 'idle', why: injection.reason };
}

// Where a step of a plan stands.
export const step_marks: Record<Step['state'] | 'failing', Mark> = {
  done: { word: 'Done', icon: 'ok', tone: 'ok' },
  current: { word: 'Now', icon: 'busy', tone: 'busy' },
  failing: { word: 'Failing', icon: 'fail', tone: 'fail' },
  failed: { word: 'Failed', icon: 'fail', tone: 'fail' },
  pending: { word: 'Pending', icon: 'none', tone: 'idle' },
  skipped: { word: 'Skipped', icon: 'none', tone: 'idle' },
};

// How a release moves its users over.
export const strategies: Record<Release['strategy'], string> = {
  canary: 'by weight',
  blueGreen: 'blue/green',
  blueGreenMirrored: 'blue/green, mirrored',
  abTesting: 'A/B test',
  mirrored: 'mirrored, by weight',
  none: 'no analysis',
};

// Until when a certificate is good: what ends within two weeks is to be seen to.
export function expiry(not_after: string, now: string): { word: string; icon: 'ok' | 'warn' | 'fail'; class: string | undefined } {
  const left = (Date.parse(not_after) - Date.parse(now)) / 86_400_000;
  if (left <= 0) return { word: 'has expired', icon: 'fail', class: 'bad-word' };
  const word = left < 1 ? 'expires in less than a day' : `expires in ${plural(Math.floor(left), 'day')}`;
  return left < 14 ? { word, icon: 'warn', class: 'warn-word' } : { word, icon: 'ok', class: undefined };
}
