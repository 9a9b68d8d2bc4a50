// What dashboard.sh has the page show: one browser over one lab, through a promotion, a failing version, an abort, and Prometheus
// away. Each part is told when it was seen; the first that is not ends it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { open_browser, open_page } from '../../web/app/tests/browser/browser.mjs';
import { all_seven, one_frame, seven_facts } from '../../web/app/tests/browser/facts.mjs';

const [base, prometheus] = process.argv.slice(2);
const release_path = 'releases/canary/test/podinfo';
const kubectl = (...words) => execFileSync('kubectl', words, { encoding: 'utf8' }).trim();
const set_image = (tag) => kubectl('-n', 'test', 'set', 'image', 'deployment/podinfo', `podinfod=stefanprodan/podinfo:${tag}`);
const canary = (path) => kubectl('-n', 'test', 'get', 'canary/podinfo', '-o', `jsonpath={${path}}`);
const api = async (path) => (await fetch(new URL(`../api/ui/v1/${path}`, base))).json();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
function told(what) {
  console.log(`${process.uptime().toFixed(0).padStart(4)} s  ${what}`);
}

// Where a machine draws three frames a second, seconds say nothing about the page.
function in_time(frame, took, limit) {
  if (frame > 300) told(`not held against ${limit / 1000} s: one frame takes ${Math.round(frame)} ms here`);
  else assert.ok(took <= limit, `${took} ms`);
}

// Until `look` gives something, or says for the last time what it saw instead.
async function eventually(seconds, what, look) {
  const limit = Date.now() + seconds * 1000;
  let last;
  for (;;) {
    const [ok, saw] = await look();
    last = saw;
    if (ok) return saw;
    if (Date.now() > limit) throw new Error(`${what}: saw ${JSON.stringify(last)}`);
    await pause(150);
  }
}
const text = async (page, selector) => (await page.locator(selector).first().innerText()).replace(/\s+/g, ' ');

// Item 4: twenty requests a second from the gateway to the primary, all of them well, in plain text.
async function traffic_of_the_article(page) {
  const edge = page.getByTitle('w/test/test-imgw → w/test/podinfo-primary', { exact: true });
  await eventually(40, 'twenty requests a second on the edge', async () => {
    if ((await edge.count()) === 0) return [false, 'no edge'];
    const label = await edge.innerText();
    return [Math.abs(Number.parseFloat(label) - 20) <= 1, label];
  });
  await page.getByLabel('Edge labels').selectOption('success');
  assert.equal(await edge.innerText(), '100 %');
  await page.getByLabel('Edge labels').selectOption('mtls');
  assert.equal(await edge.innerText(), 'plain');
  await page.getByLabel('Edge labels').selectOption('throughput');
  assert.match(await edge.innerText(), /^[1-9][\d.]* kB\/s$/);
  for (const [type, node] of [['app', 'a/test/podinfo-primary'], ['service', 's/test/podinfo-primary'], ['workload', 'w/test/podinfo-primary']]) {
    await page.getByLabel('Show', { exact: true }).selectOption(type);
    await page.locator(`[data-node="${node}"]`).waitFor();
  }
  await page.locator('[data-node="w/test/test-imgw"]').click();
  const drawer = await text(page, '.drawer');
  assert.match(drawer, /App test-imgw-app/);
  assert.match(drawer, /Addresses 127\./);
  told('topology: 20 requests a second from test-imgw-app to podinfo-primary, all well, plain');
}

// Item 5, on one page that is loaded anew in the middle.
async function promotion(page) {
  const weights = [];
  let is_reloaded = false;
  set_image('6.1.0');
  await eventually(120, 'Succeeded', async () => {
    const now = await page.evaluate(() => ({
      step: document.querySelector('.timeline li[aria-current="step"] .label')?.textContent ?? '',
      head: document.querySelector('.release-head')?.innerText.replace(/\s+/g, ' ') ?? '',
    }));
    const weight = Number(/^(\d+) %$/.exec(now.step)?.[1] ?? 0);
    if (weight && weight !== weights.at(-1)) weights.push(weight);
    if (weight && !is_reloaded) {
      const address = page.url();
      await page.reload();
      await page.locator('.release-head').waitFor();
      assert.equal(page.url(), address);
      assert.match(await text(page, '.release-head'), /podinfo .* 6\.1\.0/);
      is_reloaded = true;
    }
    return [/Succeeded/.test(now.head), { weights, ...now }];
  });
  assert.ok(is_reloaded);
  // A browser that gets little of the machine misses steps; it must not see them in another order, or others.
  assert.deepEqual(weights, [20, 40, 60, 80].filter((weight) => weights.includes(weight)));
  const steps = await page.locator('.timeline li').evaluateAll((items) => items.map((item) => `${item.querySelector('.label')?.textContent} ${item.dataset.state}`));
  for (const weight of [20, 40, 60, 80]) assert.ok(steps.includes(`${weight} % done`), JSON.stringify(steps));
  // Events have whole seconds: those of one second stand in any order.
  const told_once = ['New revision detected', 'Starting canary analysis', 'Routing all traffic to primary'];
  const wanted = ['Advance podinfo.test canary weight 20', 'Advance podinfo.test canary weight 40', 'Advance podinfo.test canary weight 60', 'Advance podinfo.test canary weight 80', 'Copying podinfo.test template spec', 'Promotion completed!'];
  // The last Event comes after the status that it is about.
  await eventually(10, 'the Events in their order', async () => {
    const events = (await page.locator('.panel .events .what').allInnerTexts()).reverse().map((one) => one.replace(/\s+/g, ' ').trim());
    let at = -1;
    const in_order = wanted.every((part) => {
      const next = events.findIndex((event, i) => i > at && event.includes(part));
      const follows = next > at;
      at = next;
      return follows;
    });
    return [in_order && told_once.every((part) => events.some((event) => event.includes(part))), events];
  });
  told(`release page: ${weights.join(', ')} % seen, a reload between, Succeeded, the Events in their order`);
}

// Item 6: a slow version, and the five-second rule from its first Halt on.
async function failing_canary(page) {
  await page.locator('.button.live[data-state="live"]').waitFor();
  assert.equal(await page.title(), 'sluice');
  set_image('6.1.1-slow');
  await eventually(60, 'a failed check', async () => {
    const { checks, status } = await api(release_path);
    return [checks.failed > 0, status];
  });
  const frame = await one_frame(page);
  let seen;
  const facts = await eventually(20, 'the seven facts', async () => {
    seen = await seven_facts(page, {
      which: ['podinfo test', '6\\.1\\.0\\s*6\\.1\\.1-slow'],
      check: ['request-duration [\\d.]+ m?s', 'must be ≤ 500 ms'],
      left: ['[12] of 3', '([12] left before rollback)'],
      share: ['\\d\\d %', '[\\d.]+ rps now', 'Requests so far \\d+'],
      next: ['Next check', '(if it fails, it holds|one more failure rolls back)'],
    });
    return [Object.values(seen).every(Boolean), { seen, card: await page.locator('article.attention').allInnerTexts() }];
  });
  const { detail } = await api(release_path);
  const halt = detail.decisions.find((decision) => decision.what === 'count failure');
  const took = Date.now() - Date.parse(halt?.at);
  assert.deepEqual(facts.seen, all_seven);
  told(`overview: the seven facts ${took} ms after the last Halt, without a click`);
  in_time(frame, took, 5000);

  await eventually(60, 'rolled back', async () => {
    const row = await text(page, 'tr[data-row="0"]');
    return [/Failed/.test(row), row];
  });
  await eventually(10, 'three Halts and the end of it', async () => {
    const messages = (await page.locator('.side-column .events .what').allInnerTexts()).map((one) => one.replace(/\s+/g, ' ').trim());
    const halts = messages.filter((one) => /^Halt podinfo\.test advancement request duration .* > 500ms$/.test(one)).length;
    const ends = ['Rolling back podinfo.test failed checks threshold reached 3', 'Canary failed! Scaling down podinfo.test'];
    return [halts === 3 && ends.every((one) => messages.includes(one)), messages];
  });
  assert.equal(canary('.status.canaryWeight'), '0');
  told('overview: three Halts, the rollback, Failed');
}

async function abort_by_button(page) {
  set_image('6.1.2');
  await eventually(60, 'weight 20', async () => [Number(canary('.status.canaryWeight')) > 0, canary('.status')]);
  // Held there, so that a browser that is slow presses the button of a release that is still under way.
  kubectl('-n', 'test', 'patch', 'canary/podinfo', '--type=merge', '-p', '{"spec":{"analysis":{"interval":"10m"}}}');
  await eventually(60, 'the step on the page', async () => {
    const head = await text(page, '.release-head');
    const step = await page.locator('.timeline li[aria-current="step"] .label').allInnerTexts();
    return [/6\.1\.2/.test(head) && /^\d+ %$/.test(step[0] ?? ''), { head, step }];
  });
  await page.getByRole('button', { name: 'Abort podinfo' }).click();
  const dialog = page.getByRole('dialog');
  assert.match(await dialog.innerText(), /test\/podinfo/);
  await dialog.getByLabel(/Reason/).fill('seen enough');
  await dialog.getByRole('button', { name: 'Abort it' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await eventually(30, 'Failed', async () => {
    const head = await text(page, '.release-head');
    return [/Failed(?! checks)/.test(head), head];
  });
  await eventually(10, 'the phase Failed', async () => [canary('.status.phase') === 'Failed', canary('.status')]);
  assert.equal(canary('.status.canaryWeight'), '0');
  await eventually(10, 'the reason in an Event', async () => {
    const events = await page.locator('.panel .events .what').allInnerTexts();
    return [events.some((one) => one.includes('seen enough')), events];
  });
  const retry = page.getByRole('button', { name: 'Retry podinfo' });
  assert.equal(await retry.getAttribute('aria-disabled'), null);
  told('release page: aborted by its button, all traffic back, the reason in an Event');
}

// Item 9: stopped, the banner comes within 10 s and the objects stay; killed, it is started again and nothing is lost.
async function prometheus_away(page) {
  const frame = await one_frame(page);
  const banner = page.locator('.banner').filter({ hasText: 'Prometheus' });
  process.kill(Number(prometheus), 'SIGSTOP');
  const stopped = Date.now();
  try {
    await eventually(30, 'the banner', async () => [(await banner.count()) > 0, 'no banner']);
    const took = Date.now() - stopped;
    told(`the banner ${(took / 1000).toFixed(1)} s after Prometheus stood still: ${await banner.first().innerText()}`);
    in_time(frame, took, 10_000);
    assert.match(await text(page, 'tr[data-row="0"]'), /podinfo/);
  } finally {
    process.kill(Number(prometheus), 'SIGCONT');
  }
  await eventually(30, 'no banner', async () => [(await banner.count()) === 0, 'the banner']);
  const before = (await api('topology?ns=test&window=300')).edges.find((edge) => edge.target === 'w/test/podinfo-primary');
  process.kill(Number(prometheus), 'SIGKILL');
  await eventually(60, 'the mesh in numbers', async () => {
    const numbers = await text(page, '.mesh');
    return [/Requests (19|2[01])[\d.]* rps/.test(numbers) && /Prometheus answers/.test(numbers) && (await banner.count()) === 0, numbers];
  });
  const after = (await api('topology?ns=test&window=300')).edges.find((edge) => edge.target === 'w/test/podinfo-primary');
  assert.ok(before?.rps > 0 && after?.rps > before.rps / 2, `what was recorded before the kill is still there: ${before?.rps} then ${after?.rps}`);
  told('Prometheus killed: back without a reload, with what it had recorded');
}

const browser = await open_browser();
const parts = [
  ['topology?ns=test&window=10&label=rps', traffic_of_the_article],
  [`${release_path}?tab=events`, promotion],
  ['overview', failing_canary],
  [`${release_path}?tab=events`, abort_by_button],
  ['overview', prometheus_away],
];
let failed = false;
for (const [path, part] of parts) {
  // ONLY=abort plays that part alone.
  if (!part.name.match(process.env.ONLY ?? '')) continue;
  const { page, wrong, close } = await open_page(browser, new URL(path, base).href, { viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(180_000);
  try {
    await part(page);
    assert.deepEqual(wrong, []);
  } catch (error) {
    console.error(`${part.name.replaceAll('_', ' ')}: ${error.message}`);
    if (process.env.PICTURE) await page.screenshot({ path: process.env.PICTURE }).catch(() => {});
    failed = true;
    break;
  } finally {
    await close();
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
