// After the build: the bundler leaves nothing else behind, and nothing that differs from machine to machine.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const dist = new URL('../../dist/', import.meta.url);
const expected = ['app.css', 'app.js', 'icon.svg', 'index.html'];
const found = readdirSync(dist).sort();
if (found.join() !== expected.join()) throw new Error(`web/dist holds ${found.join(', ')}, not ${expected.join(', ')}`);

for (const name of ['app.js', 'app.css', 'index.html']) {
  const path = new URL(name, dist);
  const text = readFileSync(path, 'utf8');
  if (/sourceMappingURL/.test(text)) throw new Error(`${name} names a source map`);
  if (!text.endsWith('\n')) writeFileSync(path, `${text}\n`);
}
const page = readFileSync(new URL('index.html', dist), 'utf8');
if (/<script(?![^>]*\ssrc=)[^>]*>|<style|\sstyle=|\son\w+=/.test(page)) throw new Error('index.html has an inline script or style');
