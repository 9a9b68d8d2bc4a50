// A dashboard of one moment: its answers are recorded, and played again to the page of ../dist for as long as somebody looks.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { policy } from './server.mjs';

const dist = new URL('../../dist/', import.meta.url);
const types = { 'app.js': 'text/javascript', 'app.css': 'text/css', 'icon.svg': 'image/svg+xml' };

// The answers of `paths`, all of about one moment.
export async function record(dashboard, paths) {
  const answers = await Promise.all(
    paths.map(async (path) => {
      const response = await fetch(new URL(`../api/ui/v1/${path}`, dashboard));
      return [path, { status: response.status, body: await response.text() }];
    }),
  );
  return new Map(answers);
}

export function replay(answers) {
  const now = JSON.parse(answers.get('session').body).now;
  const missing = new Set();
  const server = createServer((request, response) => {
    const name = new URL(request.url, 'http://localhost').pathname.replace(/^\/ui\//, '');
    const path = request.url.replace(/^\/api\/ui\/v1\//, '');
    if (path.startsWith('stream?')) {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
      response.write(`id: e-1\nevent: hello\ndata: ${JSON.stringify({ now, epoch: 'e', version: '' })}\n\n`);
      const alive = setInterval(() => response.write(':\n\n'), 10_000);
      response.on('close', () => clearInterval(alive));
    } else if (request.url.startsWith('/api/')) {
      // What is asked again for each change of an object is recorded once.
      const answer = answers.get(path) ?? answers.get(path.split('?')[0]);
      if (!answer) missing.add(path);
      response.writeHead(answer?.status ?? 404, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(answer?.body ?? JSON.stringify({ error: { code: 'not_found', message: `${path} was not recorded`, requestId: '-' } }));
    } else if (types[name]) {
      response.writeHead(200, { 'Content-Type': types[name], 'Content-Security-Policy': policy });
      response.end(readFileSync(new URL(name, dist)));
    } else {
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy });
      response.end(readFileSync(new URL('index.html', dist)));
    }
  });
  return new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}/ui/`,
        missing,
        stop: () =>
          new Promise((done) => {
            server.close(done);
            server.closeAllConnections();
          }),
      }),
    ),
  );
}
