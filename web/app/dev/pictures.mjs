// npm run pictures -- path/to/sluice [ONLY]: every screen, light and dark, wide and narrow, into ../../docs/images. A lab lives through the article's
// release; three moments of it are recorded and looked at afterwards, so the pictures of a moment belong together however slow the browser is.
// The page is that of ../dist, whichever the binary was compiled with. ONLY is a pattern of names; with SNAP=FILE the
// moments are kept in that file, or taken from it when it is there.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open_browser, open_page } from '../tests/browser/browser.mjs';
import { with_few_colours } from './png.mjs';
import { record, replay } from './replay.mjs';

const [sluice, only = ''] = process.argv.slice(2);
if (!sluice) {
  console.error('npm run pictures -- path/to/sluice [ONLY]');
  process.exit(2);
}
const root = new URL('../../../', import.meta.url).pathname;
const out = join(root, 'docs/images/');
const bytes_max = 150 * 1024;
const looks = [
  { name: 'light-wide', colorScheme: 'light', width: 1440 },
  { name: 'dark-wide', colorScheme: 'dark', width: 1440 },
  { name: 'dark-narrow', colorScheme: 'dark', width: 390 },
  { name: 'light-narrow', colorScheme: 'light', width: 390 },
];
const release = 'releases/canary/test/podinfo';
// By moment: each screen with what must be there before it is taken, what it is scrolled to, and how high its window is.
const screens = {
  failing: [
    { name: 'overview', path: 'overview', ready: 'article.attention' },
    { name: 'topology', path: 'topology?ns=test', ready: '.release-box' },
    { name: 'release', path: release, ready: '.chart canvas', wide: 1300, narrow: 1300 },
    { name: 'workloads', path: 'workloads', ready: 'tr[data-row]' },
    { name: 'lab', path: 'lab', ready: 'tbody tr' },
    { name: 'mesh', path: 'mesh', ready: 'article' },
    { name: 'topology-node', path: 'topology?ns=test&sel=w/test/podinfo', ready: '.drawer canvas' },
    { name: 'services', path: 'services', ready: 'tr[data-row]' },
    { name: 'workload', path: 'workloads/test/deployment/podinfo', ready: '.chart canvas' },
    { name: 'service', path: 'services/test/podinfo-canary', ready: '.chart canvas' },
    { name: 'gateways', path: 'gateways', ready: 'article' },
    { name: 'events', path: 'events', ready: '.events li' },
    { name: 'validation', path: 'validations', ready: '.tiles' },
    { name: 'releases', path: 'releases', ready: 'tr[data-row]' },
    { name: 'traffic', path: 'tap', ready: 'tr[data-row]' },
    { name: 'abort', path: release, ready: '.release-head', press: 'a' },
    { name: 'release-yaml', path: `${release}?tab=yaml`, ready: '.manifest', show: '.tabs' },
    { name: 'release-objects', path: `${release}?tab=traffic`, ready: '.panel', show: '.tabs' },
    { name: 'release-notifications', path: `${release}?tab=notifications`, ready: '.panel', show: '.tabs' },
  ],
  progressing: [
    { name: 'overview-calm', path: 'overview', ready: 'tr[data-row]' },
    { name: 'release-progressing', path: release, ready: '.chart canvas', wide: 1300, narrow: 1300 },
  ],
  failed: [{ name: 'release-failed', path: `${release}?tab=decisions`, ready: '.decisions', wide: 1500, narrow: 1300 }],
};
const asked = ['session', 'overview', 'releases?limit=1000', release, `${release}/metrics?window=300`, `${release}/yaml`, `${release}/images`, 'topology?ns=test&window=60', 'metrics/node/w%2Ftest%2Fpodinfo?window=300', 'workloads?limit=1000', 'workloads/test/deployment/podinfo', 'services?limit=1000', 'services/test/podinfo-canary', 'metrics/node/s%2Ftest%2Fpodinfo-canary?window=300', 'gateways', 'tap?limit=500', 'events?limit=1000', 'validations?limit=1000', 'mesh', 'lab'];

const run = (command, ...words) => execFileSync(command, words, { encoding: 'utf8', env: process.env }).trim();
const kubectl = (...words) => run('kubectl', ...words);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const set_image = (tag) => kubectl('-n', 'test', 'set', 'image', 'deployment/podinfo', `podinfod=stefanprodan/podinfo:${tag}`);
const status = (path) => kubectl('-n', 'test', 'get', 'canary/podinfo', '-o', `jsonpath={.status.${path}}`);
async function until(what, look, seconds = 120) {
  for (const limit = Date.now() + seconds * 1000; !look(); await pause(200)) if (Date.now() > limit) throw new Error(`${what}: not within ${seconds} s`);
}

// The article, with ten seconds to a round, and somebody who is told of each Event.
async function live_through() {
  const told = createServer((request, response) => request.resume().on('end', () => response.end()));
  await new Promise((listening) => told.listen(0, '127.0.0.1', listening));
  const scratch = mkdtempSync(join(tmpdir(), 'sluice-pictures-'));
  const lab = join(scratch, 'lab');
  try {
    const said = run(sluice, 'lab', 'up', '--detach', '--dir', lab, '--drain-delay', '2s');
    process.env.KUBECONFIG = /KUBECONFIG=(\S+)/.exec(said)[1];
    const dashboard = /dashboard at (\S+)/.exec(said)[1];
    const examples = join(root, 'examples/podinfo');
    kubectl('apply', '-f', join(examples, '01-namespace.yaml'));
    run(sluice, 'inject', 'on', 'test');
    for (const file of ['02-podinfo.yaml', '03-gateway.yaml']) kubectl('apply', '-f', join(examples, file));
    const canary = join(scratch, 'canary.yaml');
    writeFileSync(canary, `${readFileSync(join(examples, '04-canary.yaml'), 'utf8').replace(/^ {4}interval: 30s$/m, '    interval: 10s').trimEnd()}\n    webhooks:\n      - name: release-log\n        type: event\n        url: http://127.0.0.1:${told.address().port}/\n`);
    kubectl('apply', '-f', canary);
    await until('Initialized', () => status('phase') === 'Initialized');
    const { csrf } = await (await fetch(new URL('../api/ui/v1/session', dashboard))).json();
    await until('test load', () => run('curl', '-s', '-X', 'POST', '-H', `X-Sluice-CSRF: ${csrf}`, '-H', 'Content-Type: application/json', '-d', '{"gateway":"test/test-imgw","qps":20,"seconds":600}', new URL('../api/ui/v1/lab/load', dashboard).href).includes('"running"'));
    await pause(45_000);

    const moments = {};
    // Whoever looks first starts what the dashboard reads by; the second look has it all.
    const moment = async (name) => {
      await record(dashboard, asked);
      await pause(2500);
      moments[name] = await record(dashboard, asked);
    };
    await record(dashboard, asked);
    set_image('6.1.0');
    await until('weight 40', () => status('canaryWeight') === '40');
    await pause(5000);
    await moment('progressing');
    await until('Succeeded', () => status('phase') === 'Succeeded');
    await pause(30_000);
    set_image('6.1.1-slow');
    await until('a failed check', () => Number(status('failedChecks')) >= 1, 300);
    await moment('failing');
    await until('Failed', () => status('phase') === 'Failed', 300);
    await moment('failed');
    return moments;
  } finally {
    told.close();
    told.closeAllConnections();
    run(sluice, 'lab', 'down', '--dir', lab);
    rmSync(scratch, { recursive: true, force: true });
  }
}

const snap = process.env.SNAP;
let moments;
if (snap && existsSync(snap)) {
  moments = Object.fromEntries(Object.entries(JSON.parse(readFileSync(snap, 'utf8'))).map(([name, answers]) => [name, new Map(answers)]));
} else {
  moments = await live_through();
  if (snap) writeFileSync(snap, JSON.stringify(Object.fromEntries(Object.entries(moments).map(([name, answers]) => [name, [...answers]]))));
}
mkdirSync(out, { recursive: true });
const bad = [];
const browser = await open_browser();
for (const [moment, list] of Object.entries(screens)) {
  const wanted = list.filter((screen) => screen.name.match(only));
  if (wanted.length === 0) continue;
  const served = await replay(moments[moment]);
  // One page for all: it goes from screen to screen as a person does. Its clock stands at the moment.
  const { page, wrong, close } = await open_page(browser, 'about:blank');
  await page.clock.setFixedTime(new Date());
  await page.goto(served.url);
  for (const { name, path, ready, press, show, wide = 900, narrow = 844 } of wanted) {
    const to = new URL(path, served.url);
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 1440, height: wide });
    await page.evaluate((address) => {
      history.pushState(null, '', address);
      dispatchEvent(new PopStateEvent('popstate'));
    }, to.pathname + to.search);
    await page.locator(ready).first().waitFor();
    await page.waitForTimeout(800);
    const sizes = [];
    for (const look of looks) {
      await page.emulateMedia({ colorScheme: look.colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width: look.width, height: look.width > 760 ? wide : narrow });
      if (press) await page.keyboard.press(press);
      // Below the head of the page, which stays.
      const below = look.width > 760 ? 100 : 10;
      await page.evaluate(([selector, below]) => scrollTo(0, selector ? document.querySelector(selector).getBoundingClientRect().top + scrollY - below : 0), [show ?? null, below]);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      await page.waitForTimeout(300);
      const png = with_few_colours(await page.screenshot());
      writeFileSync(join(out, `${name}.${look.name}.png`), png);
      sizes.push(`${Math.round(png.length / 1024)} KiB`);
      if (png.length > bytes_max) bad.push(`${name} ${look.name}: ${sizes.at(-1)}`);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (over > 0) bad.push(`${name} ${look.name}: ${over} px wider than the window`);
      if (press) await page.keyboard.press('Escape');
    }
    console.log(`${name}: ${sizes.join(', ')}`);
  }
  for (const one of wrong) if (!one.includes(served.url.replace('/ui/', ''))) bad.push(`${moment}: ${one}`);
  for (const path of served.missing) bad.push(`${moment}: ${path} was not recorded`);
  await close();
  await served.stop();
}
await browser.close();
for (const one of bad) console.error(one);
process.exit(bad.length ? 1 : 0);
