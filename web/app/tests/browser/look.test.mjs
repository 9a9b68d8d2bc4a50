// What a person sees: nothing cut, nothing crooked, whatever stands in it and however wide the window is.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { open_browser, visits } from './browser.mjs';

let browser;
before(async () => {
  browser = await open_browser();
});
after(() => browser.close());

const at = visits(() => browser, { goes: false });
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

describe('a window that is turned', () => {
  it('has its charts follow', async () => {
    await at({ t: 108 }, '', async (page, url) => {
      for (const path of ['releases/canary/test/podinfo', 'workloads/test/deployment/podinfo', 'topology?ns=test&sel=w/test/podinfo']) {
        await page.setViewportSize({ width: 1440, height: 900 });
        await page.goto(url + path);
        await page.locator('.chart canvas').first().waitFor();
        for (const width of [390, 1440, 1024]) {
          await page.setViewportSize({ width, height: 900 });
          await page.waitForFunction(() => document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('canvas').getBoundingClientRect().right <= chart.getBoundingClientRect().right));
        }
      }
    });
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
      // A hand that is taken away by something else has let go, too.
      await page.mouse.move(box.x + 10, box.y + 10);
      await page.mouse.down();
      await page.mouse.move(box.x + 15, box.y + 15);
      await page.evaluate(() => {
        const graph = document.querySelector('.graph');
        for (let id = 0; id < 50; ++id) if (graph.hasPointerCapture(id)) graph.releasePointerCapture(id);
        globalThis.__drawn = 0;
      });
      await page.mouse.move(box.x + 20, box.y + 20);
      await page.waitForFunction(() => globalThis.__drawn > 0);
      await page.mouse.up();
    });
  });
});

describe('the overview', () => {
  it('draws the traffic of the worst release, and a press on it leads to the whole picture', async () => {
    await at({ t: 108 }, 'overview', async (page, url) => {
      await page.goto(url);
      await page.getByRole('heading', { name: /^Topology of test, where podinfo is the worst release/ }).waitFor();
      assert.match(await page.getByText(/^also under way in/).innerText(), /shop/);
      const node = page.locator('.mini [data-node="w/test/podinfo"]');
      await node.waitFor();
      // It is a part of a page that scrolls.
      await page.locator('.mini').hover();
      await page.mouse.wheel(0, 300);
      await page.waitForFunction(() => scrollY > 100);
      await node.click();
      await page.locator('.drawer').waitFor();
      assert.match(page.url(), /topology\?ns=test&sel=w\/test\/podinfo$/);
    });
  });
  it('says that a release has failed, and no longer that it is failing, once it is rolled back', async () => {
    for (const [t, word] of [[108, 'Failing'], [150, 'Failed']]) {
      await at({ t }, 'overview', async (page, url) => {
        await page.goto(url);
        await page.locator('.tile').first().waitFor();
        assert.match(await page.locator('.tile').first().innerText(), new RegExp(`1\\s*${word}`));
        assert.equal(await page.title(), '(1!) sluice');
      });
    }
  });
});

describe('the topology of a phone', () => {
  it('has letters that can be read', async () => {
    await at({ t: 108 }, 'topology?ns=test', async (page, url) => {
      await page.goto(url);
      await page.locator('.node').first().waitFor();
      await page.waitForTimeout(500);
      const height = await page.locator('[data-node="w/test/podinfo"] .title').evaluate((title) => title.getBoundingClientRect().height);
      assert.ok(height >= 11, `${height}`);
      const out = await page.locator('.node, .release-box').evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().left < 0 || one.getBoundingClientRect().right > innerWidth).length);
      assert.equal(out, 0);
    }, { viewport: { width: 390, height: 844 } });
  });
  it('says what a version is and how many pods it has, whatever its length', async () => {
    await at({ t: 108 }, 'topology?ns=test', async (page, url) => {
      await page.goto(url);
      await page.locator('.node').first().waitFor();
      for (const sub of await page.locator('.node[data-role] .sub').all()) {
        assert.match(await sub.innerText(), /(primary|canary).*6\.\d\.0.*\/\d+/s);
        assert.ok(await sub.evaluate((one) => one.scrollWidth <= one.clientWidth));
      }
    });
  });
});

describe('the names of the screens', () => {
  it('say how many findings there are to go and see', async () => {
    await at({ t: 108 }, 'overview', async (page, url) => {
      await page.goto(url);
      await page.locator('nav .count[data-tone]').waitFor();
      const counts = (await (await page.request.get(new URL('/api/ui/v1/overview', page.url()).href)).json()).mesh.validations;
      const [n, word] = counts.error ? [counts.error, 'error'] : [counts.warning, 'warning'];
      await page.getByRole('navigation', { name: 'Screens' }).getByRole('link', { name: `Validation ${n} ${word}${n === 1 ? '' : 's'}`, exact: true }).waitFor();
    });
  });
});

describe('the tabs of a phone', () => {
  it('have the chosen one in sight', async () => {
    await at({ t: 108 }, 'releases/canary/test/podinfo?tab=yaml', async (page, url) => {
      await page.goto(url);
      const is_seen = (name) => page.waitForFunction((name) => {
        const tab = [...document.querySelectorAll('[role="tab"]')].find((one) => one.textContent.startsWith(name));
        const box = tab?.getBoundingClientRect();
        return tab?.ariaSelected === 'true' && box.left >= 0 && box.right <= innerWidth;
      }, name);
      await is_seen('YAML');
      await page.getByRole('tab', { name: 'YAML' }).focus();
      await page.keyboard.press('ArrowRight');
      await is_seen('Both versions');
      await page.keyboard.press('ArrowLeft');
      await is_seen('YAML');
    }, { viewport: { width: 390, height: 844 } });
  });
});

describe('the browser’s own buttons', () => {
  it('take back what was chosen, step by step, and not what was typed', async () => {
    await at({ t: 108 }, 'releases/canary/test/podinfo', async (page, url) => {
      await page.goto(url);
      const chosen = (name) => page.getByRole('tab', { name, selected: true }).waitFor();
      await chosen(/^Both versions/);
      await page.getByRole('tab', { name: /^Pods/ }).click();
      await page.getByLabel('Window', { exact: true }).selectOption('900');
      await page.getByRole('tab', { name: /^Events/ }).click();
      await page.goBack();
      await chosen(/^Pods/);
      assert.equal(await page.getByLabel('Window', { exact: true }).inputValue(), '900');
      await page.goBack();
      await page.waitForFunction(() => !location.search.includes('window'));
      assert.equal(await page.getByLabel('Window', { exact: true }).inputValue(), '300');
      await page.goBack();
      await chosen(/^Both versions/);
      await page.goForward();
      await chosen(/^Pods/);
      // The time range goes along to other screens.
      await page.goForward();
      await page.getByRole('link', { name: 'Workloads', exact: true }).click();
      await page.waitForFunction(() => /workloads\?window=15m$/.test(location.href));
      const before = await page.evaluate(() => history.length);
      await page.getByRole('searchbox', { name: 'Search' }).fill('podinfo');
      await page.waitForFunction(() => /q=podinfo/.test(location.href));
      assert.equal(await page.evaluate(() => history.length), before);
    });
  });
});

describe('titles', () => {
  it('say which screen it is, and of which namespace', async () => {
    await at({ t: 40 }, '', async (page, url) => {
      for (const [path, title] of [['overview', 'sluice'], ['releases', 'Releases · sluice'], ['releases/canary/test/podinfo', 'test/podinfo · sluice'], ['workloads/test/deployment/podinfo', 'test/podinfo · sluice'], ['services/test/podinfo', 'test/podinfo · sluice'], ['tap', 'Traffic · sluice'], ['lab', 'Lab · sluice'], ['nowhere', 'Not found · sluice']]) {
        await page.goto(url + path);
        await page.waitForFunction((title) => document.title === title, title);
      }
    });
  });
});

describe('on paper', () => {
  it('the page is light, has every row, and nothing to press', async () => {
    await at({ mode: 'thousand', t: 10 }, 'releases', async (page, url) => {
      await page.goto(url);
      await page.locator('tr[data-row]').first().waitFor();
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'light');
      assert.equal(await page.locator('tr[data-row]').count(), 1000);
      assert.equal(await page.getByRole('navigation', { name: 'Screens' }).isVisible(), false);
      assert.equal(await page.getByRole('searchbox', { name: 'Search' }).isVisible(), false);
      await page.evaluate(() => dispatchEvent(new Event('afterprint')));
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
      assert.ok((await page.locator('tr[data-row]').count()) < 100);
    }, { colorScheme: 'dark' });
  });
});

describe('why a button does nothing', () => {
  it('is seen whole, in the last row too', async () => {
    for (const width of [1440, 390]) {
      await at({ t: 108 }, 'lab', async (page, url) => {
        await page.goto(url);
        const buttons = page.locator('.lab-pods button[aria-disabled="true"]');
        await buttons.last().waitFor();
        for (const button of await buttons.all()) {
          await button.hover();
          const out = await button.evaluate((one) => {
            const box = one.parentElement.querySelector('.tip').getBoundingClientRect();
            const room = one.closest('.scroll').getBoundingClientRect();
            return [getComputedStyle(one.parentElement.querySelector('.tip')).visibility, Math.max(0, room.left - box.left, box.right - room.right, room.top - box.top, box.bottom - room.bottom)];
          });
          assert.deepEqual(out, ['visible', 0], `${width}`);
        }
      }, { viewport: { width, height: 900 } });
    }
  });
});

describe('a dialog', () => {
  it('that asks for nothing begins at its title, and gives the focus back', async () => {
    await at({ t: 108 }, 'overview', async (page, url) => {
      await page.goto(url);
      const help = page.getByRole('button', { name: 'keyboard shortcuts' });
      await help.click();
      const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
      await dialog.waitFor();
      assert.equal(await dialog.evaluate((one) => one.scrollTop), 0);
      assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Keyboard shortcuts');
      await page.keyboard.press('Escape');
      assert.ok(await help.evaluate((one) => one === document.activeElement));
    }, { viewport: { width: 390, height: 640 } });
  });
  it('has every word within its edges', async () => {
    for (const width of [1440, 390]) {
      for (const [path, button] of [['lab', /^Fault/], ['gateways', /^Try/], ['releases/canary/test/podinfo', /^Abort/]]) {
        await at({ t: 108 }, path, async (page, url) => {
          await page.goto(url);
          await page.locator('button:not([aria-disabled="true"])').filter({ hasText: button }).first().click();
          const dialog = page.getByRole('dialog');
          await dialog.waitFor();
          const out = await dialog.evaluate((one) => one.scrollWidth - one.clientWidth);
          assert.equal(out, 0, `${path} at ${width}: ${out} px beyond the edge`);
        }, { viewport: { width, height: 900 } });
      }
    }
  });
});
