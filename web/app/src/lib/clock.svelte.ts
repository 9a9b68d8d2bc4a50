// The server's time. This machine's clock may be hours off: it only counts the seconds between two answers.
import { quiet } from './quiet';

class ServerClock {
  #offset = 0;
  #best = Number.POSITIVE_INFINITY;
  #measured_at = 0;
  now = $state(Date.now());

  // `server_now` was written somewhere between sending and receiving; the quickest answer knows best.
  learn(server_now: string, sent_at: number, took: number): void {
    const told = Date.parse(server_now);
    if (Number.isNaN(told)) return;
    const offset = told - (sent_at + took / 2);
    const is_old = Date.now() - this.#measured_at > 60_000;
    const has_jumped = Math.abs(offset - this.#offset) > took + 1000;
    if (took > this.#best && !is_old && !has_jumped) return;
    this.#best = took;
    this.#measured_at = Date.now();
    this.#offset = offset;
    this.tick();
  }

  tick = (): void => {
    if (quiet.is) quiet.then(this.tick);
    else this.now = Date.now() + this.#offset;
  };
}

export const clock = new ServerClock();
if (typeof window !== 'undefined') setInterval(() => clock.tick(), 500);
