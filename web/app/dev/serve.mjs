// npm run dev [-- --mode MODE --port N --at SECONDS]: the page against the fake server, rebuilt when a file changes; with --server URL
// against that dashboard.
import { spawn } from 'node:child_process';
import { front } from './front.mjs';
import { modes, start } from './server.mjs';

const given = process.argv.slice(2);
const option = (name, otherwise) => (given.includes(`--${name}`) ? given[given.indexOf(`--${name}`) + 1] : otherwise);
const mode = option('mode', 'story');
if (!modes.includes(mode)) {
  console.error(`--mode ${mode}: one of ${modes.join(', ')}`);
  process.exit(2);
}
const port = Number(option('port', 5180));
const server = option('server', null);
const { url } = server ? await front(server, port) : await start({ port, mode, t: Number(option('at', 0)), base: option('base', '') });
console.log(server ? `${url}  (${server})` : `${url}/ui/  (${mode})`);
if (!given.includes('--no-build')) spawn('npx', ['vite', 'build', '--watch'], { stdio: 'inherit' });
