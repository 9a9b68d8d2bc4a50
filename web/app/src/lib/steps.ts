// What the two pictures of a release's plan, the line and the table, say alike.
import type { Comparison, Release, Step } from '../api/types';
import { span } from './format';
import { total_rate, times_of } from './series';

const names: Record<string, string> = { promote: 'Promotion', home: 'Traffic to primary', finish: 'Succeeded' };

export function name_of_step(step: Step): string {
  return step.type === 'setWeight' && step.weight !== null ? `${step.weight} %` : (names[step.type] ?? step.label);
}

// A step whose checks fail is not over yet: what is counted stands there, and when it is asked again.
export function state_of(step: Step, release: Release): Step['state'] | 'failing' {
  return step.state === 'current' && release.severity === 'failure' && release.checks.failed > 0 ? 'failing' : step.state;
}

export function took(step: Step): string | null {
  return step.startedAt && step.endedAt ? span((Date.parse(step.endedAt) - Date.parse(step.startedAt)) / 1000) : null;
}

// Which share of the requests met the new version while a step stood. A rate is that of the seconds before it, so the first of a step still tell of
// the step before: one that was shorter than these has none.
export function shares_of(steps: Step[], { stable, canary, queries, ...grid }: Comparison): Map<number, number> {
  const range = Number(/\[([0-9]+)s\]/.exec(queries['rate'] ?? '')?.[1] ?? Number.POSITIVE_INFINITY);
  const times = times_of(grid);
  const [old_rates, new_rates] = [total_rate(stable), total_rate(canary)];
  const shares = new Map<number, number>();
  for (const { i, startedAt, endedAt } of steps) {
    if (!startedAt || !endedAt) continue;
    const [from, to] = [Date.parse(startedAt) / 1000 + range, Date.parse(endedAt) / 1000];
    let [all, met] = [0, 0];
    times.forEach((time, at) => {
      if (time < from || time >= to) return;
      met += new_rates[at] ?? 0;
      all += (new_rates[at] ?? 0) + (old_rates[at] ?? 0);
    });
    if (all > 0) shares.set(i, met / all);
  }
  return shares;
}
