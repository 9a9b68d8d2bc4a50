// While a hand moves a large picture nothing else is drawn: what ticks, and what the stream tells, waits until it lets go. One repaint of hundreds of
// nodes in the middle of a move is a jerk.
let holders = 0;
const waiting = new Set<() => void>();

export const quiet = {
  get is(): boolean {
    return holders > 0;
  },
  // Until the function that it gives is called; once more does nothing.
  begin(): () => void {
    holders += 1;
    let is_over = false;
    return () => {
      if (is_over) return;
      is_over = true;
      holders -= 1;
      if (holders > 0) return;
      const due = [...waiting];
      waiting.clear();
      for (const act of due) act();
    };
  },
  // Now, or once when it is over, however often it was asked for.
  then(act: () => void): void {
    if (holders > 0) waiting.add(act);
    else act();
  },
};
