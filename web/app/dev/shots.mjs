// Pictures of every screen: light and dark, wide and narrow. npm run shots [-- OUT [ONLY]]
import { mkdirSync } from 'node:fs';
import { open_browser, open_page } from '../tests/browser/browser.mjs';
import { start } from './server.mjs';

const out = process.argv[2] ?? new URL('../shots', import.meta.url).pathname;
const only = process.argv[3];
mkdirSync(out, { recursive: true });

const screens = [
  { name: 'overview', mode: 'story', t: 108, path: 'overview' },
  { name: 'overview-calm', mode: 'story', t: 40, path: 'overview' },
  { name: 'overview-1000', mode: 'thousand', t: 10, path: 'overview' },
  { name: 'releases', mode: 'story', t: 108, path: 'releases' },
  { name: 'releases-grid', mode: 'story', t: 108, path: 'releases?view=grid' },
  { name: 'topology', mode: 'story', t: 108, path: 'topology?ns=test' },
  { name: 'topology-all', mode: 'story', t: 40, path: 'topology' },
  { name: 'topology-drawer', mode: 'story', t: 108, path: 'topology?ns=test&sel=w/test/podinfo' },
  { name: 'topology-services', mode: 'story', t: 108, path: 'topology?ns=test&type=service&label=throughput' },
  { name: 'topology-services-all', mode: 'story', t: 40, path: 'topology?type=service' },
  { name: 'topology-apps', mode: 'story', t: 108, path: 'topology?type=app&sel=a/shop/checkout' },
  { name: 'topology-versions', mode: 'story', t: 108, path: 'topology?ns=test,shop&type=versionedApp' },
  { name: 'topology-300', mode: 'mesh300', t: 108, path: 'topology' },
  { name: 'topology-1000', mode: 'mesh1000', t: 108, path: 'topology' },
  { name: 'topology-list', mode: 'story', t: 108, path: 'topology?view=list' },
  { name: 'topology-idle', mode: 'idle', t: 0, path: 'topology' },
  { name: 'release', mode: 'story', t: 108, path: 'releases/canary/test/podinfo' },
  { name: 'release-progressing', mode: 'story', t: 40, path: 'releases/canary/test/podinfo' },
  { name: 'release-failed', mode: 'story', t: 150, path: 'releases/canary/test/podinfo?tab=pods' },
  { name: 'gateways', mode: 'story', t: 108, path: 'gateways' },
  { name: 'validations', mode: 'story', t: 108, path: 'validations' },
  { name: 'empty', mode: 'empty', t: 0, path: 'overview' },
  { name: 'forbidden', mode: 'forbidden', t: 0, path: 'overview' },
  { name: 'prometheus-away', mode: 'prometheus-away', t: 108, path: 'releases/canary/test/podinfo' },
  { name: 'api-away', mode: 'api-away', t: 108, path: 'overview' },
  { name: 'odd', mode: 'odd', t: 108, path: 'overview' },
  { name: 'token', mode: 'token', t: 0, path: 'overview' },
  { name: 'lab', mode: 'story', t: 108, path: 'lab' },
  { name: 'legend', mode: 'story', t: 108, path: 'topology?ns=test', press: 'l' },
  { name: 'topology-past', mode: 'story', t: 140, path: 'topology?ns=test&at=1767268890' },
  { name: 'dialog', mode: 'story', t: 108, path: 'releases/canary/test/podinfo', press: 'a' },
];
const looks = [
  { name: 'light-usual', options: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' } },
  { name: 'light-wide', options: { viewport: { width: 1600, height: 1000 }, colorScheme: 'light' } },
  { name: 'dark-wide', options: { viewport: { width: 1600, height: 1000 }, colorScheme: 'dark' } },
  { name: 'light-narrow', options: { viewport: { width: 390, height: 844 }, colorScheme: 'light', deviceScaleFactor: 2 } },
  { name: 'dark-narrow', options: { viewport: { width: 390, height: 844 }, colorScheme: 'dark', deviceScaleFactor: 2 } },
];

const browser = await open_browser();
const bad = [];
for (const screen of screens) {
  if (only && !screen.name.match(only)) continue;
  const server = await start({ mode: screen.mode, t: screen.t, frozen: true });
  for (const look of looks) {
    const { page, wrong, close } = await open_page(browser, `${server.url}/ui/${screen.path}`, look.options);
    await page.waitForSelector('main h1, main h2, main article', { state: 'attached' });
    await page.waitForTimeout(900);
    if (screen.press) await page.keyboard.press(screen.press);
    await page.waitForTimeout(100);
    await page.screenshot({ path: `${out}/${screen.name}.${look.name}.png`, fullPage: !screen.press && !/topology|1000/.test(screen.name) });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) bad.push(`${screen.name} ${look.name}: ${over} px wider than the window`);
    for (const one of wrong) bad.push(`${screen.name} ${look.name}: ${one}`);
    await close();
  }
  await server.stop();
  console.log(screen.name);
}
await browser.close();
for (const one of bad) console.error(one);
process.exitCode = bad.length ? 1 : 0;
