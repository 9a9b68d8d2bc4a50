// What a person sees: nothing cut, nothing crooked, whatever stands in it and however wide the window is.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { start } from '../../dev/server.mjs';
import { open_browser, open_page } from './browser.mjs';

let browser;
before(async () => {
  browser = await open_browser();
});
after(() => browser.close());

async function at(options, path, body, look = {}) {
  const server = await start({ frozen: true, ...options });
  const opened = await open_page(browser, 'about:blank', look);
  try {
    await body(opened.page, `${server.url}/ui/${path}`, server);
    assert.deepEqual(opened.wrong.filter((one) => !one.startsWith('request to')), []);
  } finally {
    await opened.close();
    await server.stop();
  }
}
const settle = async (page) => {
  await page.waitForSelector('main h1, main h2, main article', { state: 'attached' });
  await page.waitForTimeout(500);
};

describe('charts', () => {
  it('have their times written whole, however small they are', async () => {
    for (const width of [1440, 1024, 390]) {
      await at({ t: 108 }, 'releases/canary/test/podinfo', async (page, url) => {
        await page.addInitScript(() => {
          globalThis.__cut = [];
          globalThis.__times = new Map();
          const fill = CanvasRenderingContext2D.prototype.fillText;
          CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
            if (/^\d\d:\d\d/.test(text)) {
              const half = this.measureText(text).width / 2;
              if (x + half > this.canvas.width || x - half < 0) globalThis.__cut.push(`${text} at ${Math.round(x)} of ${this.canvas.width}`);
              globalThis.__times.set(this.canvas, (globalThis.__times.get(this.canvas) ?? new Set()).add(text));
            }
            return fill.call(this, text, x, y);
          };
        });
        await page.goto(url);
        await page.locator('.chart canvas').first().waitFor();
        await page.waitForTimeout(500);
        assert.deepEqual(await page.evaluate(() => globalThis.__cut), [], `${width}`);
        const times = await page.evaluate(() => [...globalThis.__times].filter(([canvas]) => canvas.isConnected).map(([, of]) => of.size));
        assert.ok(times.length >= 5 && times.every((n) => n >= 2), `${width}: ${times}`);
      }, { viewport: { width, height: 900 } });
    }
  });
  it('stand at one height where they stand side by side, however long their legends are', async () => {
    for (const path of ['releases/canary/test/podinfo', 'workloads/test/deployment/podinfo', 'services/test/podinfo']) {
      await at({ t: 108 }, path, async (page, url) => {
        await page.goto(url);
        await page.locator('.chart canvas').first().waitFor();
        await page.waitForTimeout(500);
        const rows = await page.evaluate(() => {
          const rows = {};
          for (const chart of document.querySelectorAll('.chart')) {
            const box = chart.getBoundingClientRect();
            const plot = chart.querySelector('canvas').getBoundingClientRect();
            (rows[Math.round(box.top)] ??= []).push([box.bottom, plot.top, plot.height].map(Math.round).join(' '));
          }
          return Object.values(rows);
        });
        assert.ok(rows.some((row) => row.length > 1), path);
        for (const row of rows) assert.equal(new Set(row).size, 1, `${path}: ${row.join(' | ')}`);
      });
    }
  });
});

describe('the longest names', () => {
  const screens = ['overview', 'releases', `releases/canary/${'m'.repeat(63)}/${'n'.repeat(63)}`, 'topology', 'topology?view=list', 'workloads', 'services', 'gateways', 'tap', 'events', 'validations', 'mesh', 'lab'];
  for (const width of [1440, 1024, 390, 320]) {
    it(`widen no page and cut no row at ${width} pixels`, async () => {
      const found = [];
      await at({ mode: 'odd', t: 108 }, '', async (page, url) => {
        for (const path of screens) {
          await page.goto(url + path);
          await settle(page);
          found.push(
            ...(await page.evaluate((path) => {
              const found = [];
              const over = document.documentElement.scrollWidth - innerWidth;
              if (over > 0) found.push(`${path}: the page is ${over} px too wide`);
              for (const row of document.querySelectorAll('tr[data-row]')) {
                const box = row.getBoundingClientRect();
                for (const cell of row.children) {
                  const of = cell.getBoundingClientRect();
                  if (of.height > 0 && (of.bottom > box.bottom + 1 || of.top < box.top - 1)) found.push(`${path}: ${cell.textContent.trim().slice(0, 30)} stands ${Math.round(Math.max(of.bottom - box.bottom, box.top - of.top))} px out of its row`);
                }
              }
              return found;
            }, path)),
          );
        }
      }, { viewport: { width, height: 900 } });
      assert.deepEqual([...new Set(found)].slice(0, 12), []);
    });
  }
});

describe('a graph under the hand', () => {
  it('selects no text, and draws nothing anew until the hand lets go, however long it rests', async () => {
    await at({ t: 100, frozen: false }, 'topology?ns=test', async (page, url) => {
      await page.goto(url);
      await page.locator('.edge-label').first().waitFor();
      await page.waitForTimeout(800);
      await page.evaluate(() => {
        globalThis.__drawn = 0;
        new MutationObserver((list) => (globalThis.__drawn += list.length)).observe(document.querySelector('.world'), { subtree: true, characterData: true, childList: true });
        for (const box of document.querySelectorAll('.release-box')) box.remove();
      });
      const box = await page.locator('.graph').boundingBox();
      await page.mouse.move(box.x + 10, box.y + 10);
      await page.mouse.down();
      await page.evaluate(() => (globalThis.__drawn = 0));
      await page.mouse.move(box.x + box.width - 40, box.y + box.height - 40, { steps: 6 });
      await page.waitForTimeout(6000);
      assert.equal(await page.evaluate(() => globalThis.__drawn), 0);
      assert.equal(await page.evaluate(() => String(getSelection())), '');
      await page.mouse.up();
      await page.waitForFunction(() => globalThis.__drawn > 0);
    });
  });
});
