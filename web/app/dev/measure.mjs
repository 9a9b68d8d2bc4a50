// npm run measure [-- --server URL --namespaces A,B,C] [--json]: the figures beside their budgets. They are shown, never asserted: how fast a
// machine is, is no property of the page. Without a server the fake one stands for 1 000 releases and 300 workloads; `./dev bench dashboard`
// names a controller that has them.
import { readFileSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { open_browser, open_page } from '../tests/browser/browser.mjs';
import { start } from './server.mjs';

const { values: chosen } = parseArgs({ options: { server: { type: 'string' }, namespaces: { type: 'string', default: '' }, json: { type: 'boolean', default: false } } });
const runs = 5;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const rows = [];
const row = (what, measured, unit, budget = null) => rows.push({ what, measured: Math.round(measured * 10) / 10, unit, budget });

// The server of one situation: the one that was named, or a fake of that situation.
async function served(mode, t) {
  if (chosen.server) return { url: chosen.server, stop: async () => {} };
  return start({ mode, t });
}

const browser = await open_browser();
if (!chosen.server) {
  const dist = new URL('../../dist/', import.meta.url);
  const scripts = readdirSync(dist).filter((name) => name.endsWith('.js'));
  row('JavaScript, compressed', scripts.reduce((sum, name) => sum + gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length, 0) / 1024, 'KiB', 150);
}
{
  // A new context has nothing in its cache. Counted from the start of the navigation to what the browser calls the first contentful paint, and to the frame
  // in which the first release stands in the list.
  const server = await served('thousand', 10);
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
  row('overview of 1000 releases, first paint', median(painted), 'ms', 1000);
  row('… releases shown', median(listed), 'ms');
  await server.stop();
}
{
  // The page times its own layout (graph/layout.ts). Then a mouse drags the graph for two seconds, and each frame says how long it took; a frame that took
  // more than two of sixty a second was dropped.
  const server = await served('mesh300', 108);
  const laid = [];
  let frames = null;
  for (let i = 0; i < runs; ++i) {
    const { page, close } = await open_page(browser, `${server.url}/ui/topology${chosen.namespaces ? `?ns=${chosen.namespaces}` : ''}`);
    await page.locator('.node').first().waitFor();
    laid.push(await page.evaluate(() => performance.getEntriesByName('sluice-layout')[0].duration));
    if (i === runs - 1) {
      row('topology, nodes', await page.locator('.node').count(), '');
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
  row('topology of 300 nodes, layout', median(laid), 'ms', 1000);
  row('topology of 300 nodes moved, median frame', median(frames), 'ms');
  row(`topology of 300 nodes moved, frames dropped of ${frames.length}`, frames.filter((one) => one > 34).length, '', 0);
  await server.stop();
}
await browser.close();

if (chosen.json) {
  console.log(JSON.stringify(rows));
} else {
  const cells = rows.map((one) => [one.what, `${one.measured} ${one.unit}`, one.budget === null ? '' : `${one.budget} ${one.unit}`]);
  const widths = [0, 1, 2].map((i) => Math.max(...cells.map((each) => each[i].length)));
  for (const each of cells) console.log(each.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('   '));
}
