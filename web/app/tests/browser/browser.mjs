// Chromium of the system, driven for the tests, the pictures and the measurements.
import { chromium } from 'playwright-core';

export async function open_browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

// A page that remembers what went wrong in it: errors, refusals of the Content-Security-Policy, requests to elsewhere.
export async function open_page(browser, url, options = {}) {
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
    if (!request.url().startsWith(new URL(url).origin) && !request.url().startsWith('data:') && !request.url().startsWith('blob:')) wrong.push(`request to ${request.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => console.error(`CSP refuses ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
  });
  await page.goto(url);
  return { page, wrong, close: () => context.close() };
}

export async function set(server, wanted) {
  const answer = await fetch(`${server.url}/dev/set`, { method: 'POST', body: JSON.stringify(wanted) });
  return answer.json();
}
