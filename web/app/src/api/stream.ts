// Server-Sent Events over fetch, so that a token can be sent; it notices when nothing comes any more, and
// comes back by itself from where it was.
import { api_base, ApiError, headers } from './client';

export interface Message {
  event: string;
  data: string;
  id: string | null;
}

// Text to messages, by the rules of the HTML standard; what is not whole yet waits for more.
export class MessageParser {
  private rest = '';
  private event = '';
  private data: string[] = [];
  private id: string | null = null;

  push(text: string): Message[] {
    const messages: Message[] = [];
    this.rest += text;
    // A lone CR at the end may be half of a CRLF.
    const cut = this.rest.endsWith('\r') ? this.rest.length - 1 : this.rest.length;
    const lines = this.rest.slice(0, cut).split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? '') + this.rest.slice(cut);
    for (const line of lines) {
      const message = this.line(line);
      if (message) messages.push(message);
    }
    return messages;
  }

  private line(line: string): Message | null {
    if (line === '') {
      const message = this.data.length > 0 ? { event: this.event || 'message', data: this.data.join('\n'), id: this.id } : null;
      this.event = '';
      this.data = [];
      return message;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const raw = colon < 0 ? '' : line.slice(colon + 1);
    const value = raw.startsWith(' ') ? raw.slice(1) : raw;
    if (field === 'event') this.event = value;
    else if (field === 'data') this.data.push(value);
    else if (field === 'id' && !value.includes('\0')) this.id = value;
    return null;
  }
}

export interface StreamHandlers {
  message(message: Message): void;
  // Bytes came, be it only the keep-alive.
  alive(): void;
  lost(error: unknown): void;
}

export interface StreamTimes {
  silence_ms: number;
  first_retry_ms: number;
  last_retry_ms: number;
}

const usual: StreamTimes = { silence_ms: 20_000, first_retry_ms: 500, last_retry_ms: 10_000 };

export class Stream {
  private closed = false;
  private last_id: string | null = null;
  private abort: AbortController | null = null;
  private retry_timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(
    private topics: string[],
    private readonly handlers: StreamHandlers,
    private readonly times: StreamTimes = usual,
  ) {
    void this.run();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry_timer);
    this.abort?.abort();
  }

  // Other topics, from where it was: what is told in between comes after it.
  turn_to(topics: string[]): void {
    this.topics = topics;
    // One that waits for its next try takes them along then.
    if (this.closed || !this.abort) return;
    this.abort.abort();
    void this.run();
  }

  // For a person who doesn't want to wait for the next try.
  retry_now(): void {
    if (this.closed || this.abort) return;
    clearTimeout(this.retry_timer);
    void this.run();
  }

  private async run(): Promise<void> {
    const abort = new AbortController();
    this.abort = abort;
    const is_over = () => this.closed || this.abort !== abort;
    let silence: ReturnType<typeof setTimeout> | undefined;
    const rearm = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), this.times.silence_ms);
    };
    let failure: unknown = null;
    try {
      rearm();
      const topics = this.topics.map(encodeURIComponent).join(',');
      const response = await fetch(`${api_base}stream?topics=${topics}`, {
        cache: 'no-store',
        headers: {
          Accept: 'text/event-stream',
          ...headers(),
          ...(this.last_id ? { 'Last-Event-ID': this.last_id } : {}),
        },
        signal: abort.signal,
      });
      if (!response.ok || !response.body) {
        throw new ApiError(response.status, response.status === 401 ? 'token_needed' : 'stream', `The stream answered ${response.status}`);
      }
      const parser = new MessageParser();
      const decoder = new TextDecoder();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (is_over()) void reader.cancel().catch(() => {});
        if (done || is_over()) break;
        rearm();
        this.failures = 0;
        this.handlers.alive();
        for (const message of parser.push(decoder.decode(value, { stream: true }))) {
          // What was missed comes after the `hello` that already carries the newest id.
          if (message.id && !(message.event === 'hello' && this.last_id)) this.last_id = message.id;
          this.handlers.message(message);
          if (is_over()) break;
        }
      }
    } catch (error) {
      failure = error;
    }
    clearTimeout(silence);
    if (is_over()) return;
    this.abort = null;
    this.handlers.lost(failure);
    if (this.closed || this.abort) return;
    const wait = Math.min(this.times.first_retry_ms * 2 ** this.failures, this.times.last_retry_ms);
    this.failures += 1;
    this.retry_timer = setTimeout(() => void this.run(), wait * (0.5 + Math.random() * 0.5));
  }
}
