// The figures beside their budgets. They are shown, never asserted: how fast a machine is, is no property of the page.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { open_browser, open_page } from '../tests/browser/browser.mjs';
import { start } from './server.mjs';

const dist = new URL('../../dist/', import.meta.url);
const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
const kib = scripts.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length, 0) / 1024;
const rows = [['JavaScript, gzip', `${kib.toFixed(1)} KiB`, '150 KiB']];
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const runs = 5;

const browser = await open_browser();
{
  const server = await start({ mode: 'thousand', t: 10 });
  const painted = [];
  const listed = [];
  for (let i = 0; i < runs; ++i) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const look = () => {
        if (document.querySelector('tr[data-row], article.attention')) requestAnimationFrame(() => (globalThis.__listed = performance.now()));
        else requestAnimationFrame(look);
      };
      requestAnimationFrame(look);
    });
    await page.goto(`${server.url}/ui/overview`);
    await page.waitForFunction(() => globalThis.__listed);
    listed.push(await page.evaluate(() => globalThis.__listed));
    painted.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0));
    await context.close();
  }
  rows.push(['overview of 1 000 releases: first paint', `${median(painted).toFixed(0)} ms`, '1 000 ms'], ['overview of 1 000 releases: releases shown', `${median(listed).toFixed(0)} ms`, '1 000 ms']);
  await server.stop();
}
{
  const server = await start({ mode: 'mesh300', t: 108 });
  const laid = [];
  let frames = null;
  for (let i = 0; i < runs; ++i) {
    const { page, close } = await open_page(browser, `${server.url}/ui/topology`);
    await page.locator('.node').first().waitFor();
    laid.push(await page.evaluate(() => performance.getEntriesByName('sluice-layout')[0].duration));
    if (i === runs - 1) {
      const box = await page.locator('.graph').boundingBox();
      await page.mouse.move(box.x + 20, box.y + box.height - 60);
      await page.mouse.down();
      await page.evaluate(() => {
        globalThis.__frames = [];
        let last = performance.now();
        const count = (now) => {
          globalThis.__frames.push(now - last);
          last = now;
          requestAnimationFrame(count);
        };
        requestAnimationFrame(count);
      });
      for (let step = 0; step < 120; ++step) {
        await page.mouse.move(box.x + 20 + step * 5, box.y + box.height - 60 - step * 3);
        await page.waitForTimeout(8);
      }
      await page.mouse.up();
      frames = await page.evaluate(() => globalThis.__frames.slice(2));
    }
    await close();
  }
  rows.push(['300 nodes: layout', `${median(laid).toFixed(0)} ms`, '1 000 ms'], ['300 nodes moved: frame, median', `${median(frames).toFixed(1)} ms`, '16.7 ms'], ['300 nodes moved: frames over 34 ms', `${frames.filter((one) => one > 34).length} of ${frames.length}`, '0']);
  await server.stop();
}
await browser.close();
const widths = [0, 1, 2].map((i) => Math.max(...rows.map((row) => row[i].length)));
for (const row of rows) console.log(row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('   '));
