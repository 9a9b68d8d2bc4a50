// A difference as people read it: what has changed, with a few lines around it.
import type { ReleaseYaml } from '../api/types';

type Line = NonNullable<ReleaseYaml['diff']>['lines'][number];
export type Folded = Line & { left_out: number };

// Of lines that are alike those near a change are kept; in place of the others stands how many they were.
export function folded(lines: Line[], around = 3): Folded[] {
  const near = lines.map(() => false);
  lines.forEach((line, i) => {
    if (line.op === 'same') return;
    for (let at = Math.max(0, i - around); at <= Math.min(lines.length - 1, i + around); ++at) near[at] = true;
  });
  const all: Folded[] = [];
  lines.forEach((line, i) => {
    const last = all.at(-1);
    // A single line takes no more room than what would stand for it.
    const is_alone = near[i - 1] !== false && near[i + 1] !== false;
    if (near[i] || is_alone) all.push({ ...line, left_out: 0 });
    else if (last?.left_out) last.left_out += 1;
    else all.push({ op: 'same', text: '', left_out: 1 });
  });
  return all;
}
