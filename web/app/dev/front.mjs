// The page as it is built here (../dist) before the API of a real server: `front(url)` of its dashboard. So a page is looked at with a
// binary that was compiled with an older one.
import { readFileSync } from 'node:fs';
import { createServer, request as ask } from 'node:http';
import { policy } from './server.mjs';

const dist = new URL('../../dist/', import.meta.url);
const types = { 'app.js': 'text/javascript', 'app.css': 'text/css', 'icon.svg': 'image/svg+xml' };

export function front(dashboard, port = 0) {
  const server = createServer((request, response) => {
    const common = { 'Content-Security-Policy': policy, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' };
    const name = new URL(request.url, 'http://localhost').pathname.replace(/^\/ui\//, '');
    if (request.url.startsWith('/api/')) {
      const to = new URL(request.url, dashboard);
      const headers = { ...request.headers, host: to.host, ...(request.headers.origin ? { origin: to.origin } : {}) };
      const on = ask(to, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      });
      on.on('error', () => response.destroy());
      response.on('close', () => on.destroy());
      request.pipe(on);
    } else if (types[name]) {
      response.writeHead(200, { ...common, 'Content-Type': types[name], 'Cache-Control': 'no-cache' });
      response.end(readFileSync(new URL(name, dist)));
    } else {
      response.writeHead(200, { ...common, 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' });
      response.end(readFileSync(new URL('index.html', dist)));
    }
  });
  return new Promise((resolve) =>
    server.listen(port, '127.0.0.1', () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}/ui/`,
        stop: () =>
          new Promise((done) => {
            server.close(done);
            server.closeAllConnections();
          }),
      }),
    ),
  );
}
