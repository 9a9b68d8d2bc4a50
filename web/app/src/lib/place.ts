// A browser opens six connections to a host over HTTP/1.1, for all its windows together. Streams hold some of them for good, so only so many
// windows have one at a time, and the others' questions and actions always find a connection.
const places = 4;

// What gives the place back, or null where all are taken. `lost` is called when it has to be given back.
export async function take_place(lost: () => void): Promise<(() => void) | null> {
  if (!navigator.locks) {
    // There are locks only over https and on loopback. Elsewhere it is the window at hand that has a stream.
    if (!document.hasFocus()) return null;
    addEventListener('blur', lost, { once: true });
    return () => removeEventListener('blur', lost);
  }
  for (let place = 0; place < places; ++place) {
    const leave = await take(`sluice-stream-${place}`);
    if (leave) return leave;
  }
  return null;
}

function take(name: string): Promise<(() => void) | null> {
  return new Promise((taken, failed) => {
    const held = navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      if (!lock) taken(null);
      else return new Promise<void>((leave) => taken(leave));
    });
    held.catch(failed);
  });
}
