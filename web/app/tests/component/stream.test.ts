import { afterEach, describe, expect, it, vi } from 'vitest';
import { MessageParser, Stream, type Message } from '../../src/api/stream';

describe('the parser of the stream', () => {
  it('reads a message however it is cut', () => {
    const text = ': alive\r\nid: e-1\r\nevent: release\r\ndata: {"a":\r\ndata: 1}\r\n\r\ndata: two\n\n';
    for (let cut = 0; cut <= text.length; ++cut) {
      const parser = new MessageParser();
      const messages = [...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))];
      expect(messages).toEqual([
        { event: 'release', data: '{"a":\n1}', id: 'e-1' },
        { event: 'message', data: 'two', id: 'e-1' },
      ]);
    }
  });
  it('takes a keep-alive for no message', () => {
    expect(new MessageParser().push(':\n\n:\n\n')).toEqual([]);
  });
});

function body(parts: string[], ends: boolean): Response {
  return new Response(
    new ReadableStream({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
        if (ends) controller.close();
      },
    }),
  );
}

describe('a stream', () => {
  afterEach(() => vi.restoreAllMocks());
  const times = { silence_ms: 40, first_retry_ms: 5, last_retry_ms: 20 };

  it('comes back by itself, from the last id that it has seen', async () => {
    const asked: (string | null)[] = [];
    globalThis.fetch = vi.fn((_url, init) => {
      asked.push(new Headers((init as RequestInit).headers).get('Last-Event-ID'));
      return Promise.resolve(body([`id: e-${asked.length}\ndata: x\n\n`], true));
    }) as unknown as typeof fetch;
    const messages: Message[] = [];
    let lost = 0;
    const stream = new Stream(['releases'], { message: (message) => messages.push(message), alive: () => {}, lost: () => (lost += 1) }, times);
    await vi.waitFor(() => expect(asked.length).toBeGreaterThanOrEqual(3));
    stream.close();
    expect(asked.slice(0, 3)).toEqual([null, 'e-1', 'e-2']);
    expect(lost).toBeGreaterThanOrEqual(2);
    expect(messages[0]).toEqual({ event: 'message', data: 'x', id: 'e-1' });
  });

  it('that says nothing any more is taken for dead', async () => {
    let asked = 0;
    globalThis.fetch = vi.fn((_url, init) => {
      asked += 1;
      const { signal } = init as { signal: AbortSignal };
      return Promise.resolve(
        new Response(
          new ReadableStream({
            start(controller) {
              signal.addEventListener('abort', () => controller.error(new Error('aborted')));
            },
          }),
        ),
      );
    }) as unknown as typeof fetch;
    let lost = 0;
    const stream = new Stream(['releases'], { message: () => {}, alive: () => {}, lost: () => (lost += 1) }, times);
    await vi.waitFor(() => expect(asked).toBeGreaterThanOrEqual(2));
    stream.close();
    expect(lost).toBeGreaterThanOrEqual(1);
  });

  it('says nothing more once it is closed', async () => {
    globalThis.fetch = vi.fn(() => Promise.resolve(body(['data: x\n\n'], true))) as unknown as typeof fetch;
    let heard = 0;
    const stream = new Stream(['releases'], { message: () => (heard += 1), alive: () => {}, lost: () => (heard += 1) }, times);
    stream.close();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(heard).toBe(0);
  });
});
