// npm run dev [-- --mode MODE --port N --at SECONDS]: the page against the fake server, rebuilt when a file changes.
import { spawn } from 'node:child_process';
import { modes, start } from './server.mjs';

const given = process.argv.slice(2);
const option = (name, otherwise) => (given.includes(`--${name}`) ? given[given.indexOf(`--${name}`) + 1] : otherwise);
const mode = option('mode', 'story');
if (!modes.includes(mode)) {
  console.error(`--mode ${mode}: one of ${modes.join(', ')}`);
  process.exit(2);
}
const { url } = await start({ port: Number(option('port', 5180)), mode, t: Number(option('at', 0)), base: option('base', '') });
console.log(`${url}/ui/  (${mode})`);
if (!given.includes('--no-build')) spawn('npx', ['vite', 'build', '--watch'], { stdio: 'inherit' });
