// Everything that a person chose stands in the address, so that reload and a shared link show the same.
import { page_base } from '../api/client';

export type Screen = 'overview' | 'releases' | 'release' | 'topology' | 'workloads' | 'workload' | 'services' | 'service' | 'gateways' | 'gateway' | 'tap' | 'events' | 'validations' | 'mesh' | 'lab' | 'analysis' | 'unknown';

const lists = ['topology', 'tap', 'events', 'validations', 'mesh', 'lab'] as const;

function read() {
  return { path: location.pathname, search: location.search };
}

class Route {
  #at = $state(read());

  constructor() {
    if (this.parts.length === 0 && location.pathname === page_base) this.replace(`${page_base}overview${location.search}`);
    addEventListener('popstate', () => (this.#at = read()));
  }

  parts = $derived.by(() => {
    const path = this.#at.path.startsWith(page_base) ? this.#at.path.slice(page_base.length) : '';
    return path.split('/').filter(Boolean).map(decode);
  });
  parameters = $derived(new URLSearchParams(this.#at.search));
  screen: Screen = $derived.by(() => {
    const [first, ...rest] = this.parts;
    if (first === undefined || first === 'overview') return 'overview';
    if (first === 'releases') return rest.length === 3 ? 'release' : rest.length === 0 ? 'releases' : 'unknown';
    if (first === 'workloads') return rest.length === 3 ? 'workload' : rest.length === 0 ? 'workloads' : 'unknown';
    if (first === 'services') return rest.length === 2 ? 'service' : rest.length === 0 ? 'services' : 'unknown';
    if (first === 'gateways') return rest.length === 2 ? 'gateway' : rest.length === 0 ? 'gateways' : 'unknown';
    if (first === 'analysis') return rest.length === 2 ? 'analysis' : 'unknown';
    return lists.find((name) => name === first) ?? 'unknown';
  });

  get(name: string): string {
    return this.parameters.get(name) ?? '';
  }

  get namespaces(): string[] {
    return this.get('ns').split(',').filter(Boolean);
  }

  get window(): number {
    return this.window_or(300);
  }

  window_or(otherwise: number): number {
    return seconds_of(this.get('window')) ?? otherwise;
  }

  get at(): number | null {
    return Number(this.get('at')) || null;
  }

  // Links keep the filters that hold for every screen.
  href(path: string, changes: Record<string, string | null> = {}): string {
    const kept = new URLSearchParams();
    for (const name of ['ns', 'window', 'at']) {
      const value = this.parameters.get(name);
      if (value) kept.set(name, value);
    }
    return page_base + path + with_changes(kept, changes);
  }

  // The same screen with other parameters.
  here(changes: Record<string, string | null>): string {
    return this.#at.path + with_changes(new URLSearchParams(this.parameters), changes);
  }

  go(href: string): void {
    history.pushState(null, '', href);
    this.#at = read();
  }

  // Typing in a filter leaves no trail in the history.
  replace(href: string): void {
    history.replaceState(null, '', href);
    this.#at = read();
  }

  // A choice can be taken back with the browser's button.
  set(changes: Record<string, string | null>): void {
    const to = this.here(changes);
    if (to !== this.here({})) this.go(to);
  }

  type(changes: Record<string, string | null>): void {
    this.replace(this.here(changes));
  }
}

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

// `5m`; a number alone, as older links have it, is of seconds.
export function seconds_of(text: string): number | null {
  const [, n, unit] = /^([0-9]{1,6})([smhd]?)$/.exec(text) ?? [];
  return Number(n) * (units[unit ?? ''] ?? 1) || null;
}

export function window_text(seconds: number): string {
  const unit = ['d', 'h', 'm'].find((name) => seconds % (units[name] ?? 1) === 0) ?? 's';
  return `${seconds / (units[unit] ?? 1)}${unit}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function with_changes(parameters: URLSearchParams, changes: Record<string, string | null>): string {
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') parameters.delete(name);
    else parameters.set(name, value);
  }
  const text = parameters.toString().replaceAll('%2C', ',').replaceAll('%2F', '/');
  return text ? `?${text}` : '';
}

export const route = new Route();

export function release_href(kind: string, ns: string, name: string): string {
  return route.href(`releases/${kind.toLowerCase()}/${encodeURIComponent(ns)}/${encodeURIComponent(name)}`);
}

export function workload_href(kind: string, ns: string, name: string): string {
  return route.href(`workloads/${encodeURIComponent(ns)}/${kind.toLowerCase()}/${encodeURIComponent(name)}`);
}

export function service_href(ns: string, name: string): string {
  return route.href(`services/${encodeURIComponent(ns)}/${encodeURIComponent(name)}`);
}

export function gateway_href(ns: string, name: string): string {
  return route.href(`gateways/${encodeURIComponent(ns)}/${encodeURIComponent(name)}`);
}
