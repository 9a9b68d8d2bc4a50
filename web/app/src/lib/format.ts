// Numbers and times as people read them. What is unknown is a dash, never 0.
export const unknown = '–';

function known(value: number | null | undefined): value is number {
  return value !== null && value !== undefined && Number.isFinite(value);
}

export function rate(value: number | null | undefined): string {
  if (!known(value)) return unknown;
  if (value === 0) return '0 rps';
  if (value >= 1000) return `${(value / 1000).toFixed(1)}k rps`;
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} rps`;
}

// 0.9932 → "99.32 %"; what is not whole is never shown as 100.
export function ratio(value: number | null | undefined, digits = 2): string {
  if (!known(value)) return unknown;
  const percent = value * 100;
  if (percent === 100 || percent === 0) return `${percent} %`;
  const shown = percent.toFixed(digits);
  if (percent < 100 && Number(shown) >= 100) return `${(100 - 10 ** -digits).toFixed(digits)} %`;
  return `${shown} %`;
}

export function percent(value: number | null | undefined): string {
  if (!known(value)) return unknown;
  return `${Number.isInteger(value) ? value : value.toFixed(1)} %`;
}

export function millis(value: number | null | undefined): string {
  if (!known(value)) return unknown;
  if (value === 0) return '0 ms';
  if (value >= 1000) return `${(value / 1000).toFixed(2)} s`;
  return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`;
}

export function count(value: number | null | undefined): string {
  if (!known(value)) return unknown;
  return Math.round(value).toLocaleString('en-US');
}

export function bytes(value: number | null | undefined): string {
  if (!known(value)) return unknown;
  return value >= 1024 ** 3 ? `${(value / 1024 ** 3).toFixed(1)} GiB` : `${(value / 1024 ** 2).toFixed(value < 10 * 1024 ** 2 ? 1 : 0)} MiB`;
}

export function with_unit(value: number | null | undefined, unit: string | null): string {
  if (!known(value)) return unknown;
  if (unit === '%') return ratio(value / 100);
  if (unit === 'ms') return millis(value);
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

export function bound(min: number | null, max: number | null, unit: string | null): string {
  const suffix = unit ? ` ${unit}` : '';
  const parts = [];
  if (min !== null) parts.push(`≥ ${min}${suffix}`);
  if (max !== null) parts.push(`≤ ${max}${suffix}`);
  return parts.join(', ') || 'any';
}

export function span(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  if (whole < 86_400) {
    const minutes = Math.round((whole % 3600) / 60);
    return minutes ? `${Math.floor(whole / 3600)} h ${minutes} min` : `${Math.floor(whole / 3600)} h`;
  }
  return `${Math.floor(whole / 86_400)} d`;
}

// One unit is enough for the age of a thing.
export function age(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h`;
  return `${Math.floor(whole / 86_400)} d`;
}

// What is shown is never early: 11.2 s are still 12.
export function countdown(at: string | null, now: number): string | null {
  if (!at) return null;
  const left = Math.ceil((Date.parse(at) - now) / 1000);
  if (Number.isNaN(left)) return null;
  return left <= 0 ? 'now' : `in ${span(left)}`;
}

export function clock(at: string | number): string {
  const date = new Date(typeof at === 'number' ? at * 1000 : at);
  if (Number.isNaN(date.getTime())) return unknown;
  return date.toLocaleTimeString('en-GB', { hour12: false });
}

// A time that is told from its neighbours within a second.
export function moment(at: string): string {
  const text = clock(at);
  return text === unknown ? text : `${text}.${String(new Date(at).getMilliseconds()).padStart(3, '0')}`;
}

export function window_name(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${seconds / 60} min`;
  return `${seconds / 3600} h`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
