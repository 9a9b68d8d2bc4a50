// Chromium of the system, driven for the tests, the pictures and the measurements.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { start } from '../../dev/server.mjs';

export async function open_browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

// A page that remembers what went wrong in it: errors, refusals of the Content-Security-Policy, requests to elsewhere.
export async function open_page(browser, url, { origin = new URL(url).origin, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce', timezoneId: 'UTC', ...options });
  // The machine may be busy with other things; nothing here is about its speed.
  context.setDefaultTimeout(90_000);
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|net::ERR/.test(message.text())) wrong.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith('data:') && !request.url().startsWith('blob:')) wrong.push(`request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`CSP refuses ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
  });
  await page.goto(url);
  return { page, wrong, close: () => context.close() };
}

// A page in one situation of the fake server; whatever goes wrong in it fails the test. `body` gets the page and the server; where the page is not gone to
// yet, because something is to be laid in its way before, it gets the address between both.
export function visits(browser_of, { goes = true } = {}) {
  return async (options, path, body, look = {}) => {
    const server = await start({ frozen: true, ...options });
    const url = `${server.url}/ui/${path}`;
    const opened = await open_page(browser_of(), goes ? url : 'about:blank', { origin: server.url, ...look });
    try {
      await (goes ? body(opened.page, server) : body(opened.page, url, server));
      assert.deepEqual(opened.wrong, []);
    } finally {
      await opened.close();
      await server.stop();
    }
  };
}

export async function set(server, wanted) {
  const answer = await fetch(`${server.url}/dev/set`, { method: 'POST', body: JSON.stringify(wanted) });
  return answer.json();
}
