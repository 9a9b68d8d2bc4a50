// Requests to the binary that served this page: same origin, a token where one was given, and every
// refusal as one kind of error.
import type { ErrorBody } from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly requestId: string | null = null,
    readonly body: ErrorBody['error'] | null = null,
  ) {
    super(message);
  }
}

const marked = document.querySelector<HTMLMetaElement>('meta[name="sluice-base"]')?.content ?? '/ui/';

// "/ui/", or "/somewhere/ui/" where the server was told a base path.
export const page_base = marked.endsWith('/') ? marked : `${marked}/`;
export const api_base = page_base.replace(/ui\/$/, 'api/ui/v1/');

const token_key = 'sluice-token';
let token = read_token();

// A token comes in the fragment, which no server and no log sees; it stays with this tab.
function read_token(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  try {
    if (given) {
      history.replaceState(history.state, '', location.pathname + location.search);
      sessionStorage.setItem(token_key, given);
    }
    return given ?? sessionStorage.getItem(token_key);
  } catch {
    return given;
  }
}

export function set_token(value: string): void {
  token = value;
  try {
    sessionStorage.setItem(token_key, value);
  } catch {
    // Private windows may refuse it; the token then lives as long as the page.
  }
}

export function headers(): Record<string, string> {
  return token ? { Authorization: `Bearer ${token}` } : {};
}

async function error_of(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as ErrorBody;
    return new ApiError(response.status, error.code, error.message, error.requestId, error);
  } catch {
    return new ApiError(response.status, 'unknown', `The server answered ${response.status}`);
  }
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(api_base + path, { cache: 'no-store', credentials: 'same-origin', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, 'unreachable', 'sluice does not answer');
  }
  if (!response.ok) throw await error_of(response);
  return response;
}

export interface Answer<T> {
  body: T;
  // When the request left, and how long it took, by this machine's clock.
  sent_at: number;
  took: number;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<Answer<T>> {
  const sent_at = Date.now();
  // What a person does goes before what the page asks, where connections are scarce.
  const response = await send(path, { headers: headers(), priority: 'low', ...(signal ? { signal } : {}) });
  const took = Date.now() - sent_at;
  return { body: (await response.json()) as T, sent_at, took };
}

export async function post<T>(path: string, csrf: string, body: unknown): Promise<T> {
  const response = await send(path, {
    method: 'POST',
    headers: { ...headers(), 'Content-Type': 'application/json', 'X-Sluice-CSRF': csrf },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

export async function put<T>(path: string, csrf: string, body: unknown): Promise<T> {
  const response = await send(path, {
    method: 'PUT',
    headers: { ...headers(), 'Content-Type': 'application/json', 'X-Sluice-CSRF': csrf },
    body: JSON.stringify(body),
  });
  return (await response.json()) as T;
}

export async function remove<T>(path: string, csrf: string): Promise<T> {
  const response = await send(path, { method: 'DELETE', headers: { ...headers(), 'X-Sluice-CSRF': csrf } });
  return (await response.json()) as T;
}

export function query(parameters: Record<string, string | number | null | undefined>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') parts.set(name, String(value));
  }
  const text = parts.toString();
  return text ? `?${text}` : '';
}

export function release_path(kind: string, ns: string, name: string): string {
  return `releases/${encodeURIComponent(kind.toLowerCase())}/${encodeURIComponent(ns)}/${encodeURIComponent(name)}`;
}
