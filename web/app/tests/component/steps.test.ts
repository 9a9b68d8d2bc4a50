import { describe, expect, it } from 'vitest';
import { shares_of } from '../../src/lib/steps';
import type { Comparison, Series } from '../../src/api/types';
import { podinfo_at } from './samples';

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const rates = (list: (number | null)[]): Series => ({ rate: { '2xx': list, '4xx': [], '5xx': [], other: [] }, errors: [], noAnswer: [], p50: [], p95: [], p99: [] });
// From 1000 on a value each 10 s: the weight is 20 up to 1060, and 50 after.
const answer = (range: string): Comparison => ({ now: at(1120), from: 1000, to: 1110, step: 10, refresh: 5, reporter: 'destination', reason: null, stable: rates([8, 8, 8, 8, 8, 8, 6, 5, 5, null, 5, 5]), canary: rates([2, 2, 2, 2, 2, 2, 4, 5, 5, null, 5, 5]), marks: [], queries: { rate: `sum(rate(istio_requests_total{a="b"}[${range}]))` } });
const step = podinfo_at(40).steps.items?.[0];
if (!step) throw new Error('no step');
const steps = [{ ...step, i: 0, startedAt: at(1000), endedAt: at(1060) }, { ...step, i: 1, startedAt: at(1060), endedAt: at(1110) }, { ...step, i: 2, startedAt: at(1110), endedAt: null }];

describe('the share that was measured while a step stood', () => {
  it('is of the rates that tell of that step alone, and of a gap says nothing', () => {
    expect([...shares_of(steps, answer('20s'))]).toEqual([[0, 0.2], [1, 0.5]]);
  });
  it('is not told of a step that was shorter than the seconds of a rate', () => {
    expect([...shares_of(steps, answer('55s'))]).toEqual([]);
    expect([...shares_of(steps, answer('50s'))]).toEqual([[0, 0.2]]);
    expect([...shares_of(steps, { ...answer('20s'), queries: {} })]).toEqual([]);
  });
});
