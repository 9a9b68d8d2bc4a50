import { describe, expect, it } from 'vitest';
import { route, seconds_of, window_text } from '../../src/lib/route.svelte';

describe('the address', () => {
  it('has windows as people write them, and still reads seconds', () => {
    for (const [text, seconds] of [['10s', 10], ['1m', 60], ['15m', 900], ['6h', 21_600], ['1d', 86_400], ['300', 300]] as const) {
      route.replace(`/ui/topology?window=${text}`);
      expect(route.window).toBe(seconds);
    }
    for (const text of ['', 'm', '5x', '-5m', '5 m', '0']) expect(seconds_of(text)).toBeNull();
    for (const [seconds, text] of [[10, '10s'], [90, '90s'], [60, '1m'], [3600, '1h'], [86_400, '1d']] as const) expect(window_text(seconds)).toBe(text);
  });
  it('of every screen is that of the specification', () => {
    const screens = {
      overview: 'overview',
      releases: 'releases',
      'releases/canary/test/podinfo': 'release',
      'releases/rollout/test/podinfo': 'release',
      'analysis/test/podinfo-7d9f': 'analysis',
      topology: 'topology',
      workloads: 'workloads',
      'workloads/test/deployment/podinfo': 'workload',
      services: 'services',
      'services/test/podinfo': 'service',
      gateways: 'gateways',
      'gateways/test/gw': 'gateway',
      tap: 'tap',
      validations: 'validations',
      mesh: 'mesh',
      lab: 'lab',
      'analysis/test': 'unknown',
      'overview-of-all': 'unknown',
    };
    for (const [path, screen] of Object.entries(screens)) {
      route.replace(`/ui/${path}`);
      expect([path, route.screen]).toEqual([path, screen]);
    }
  });
});
