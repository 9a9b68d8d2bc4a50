// The five-second rule (UI-2): what a person must read without a click while a canary fails, and whether the page shows it now.
// `says` are the sources of regular expressions, by fact.
export function seven_facts(page, says) {
  return page.evaluate((says) => {
    const card = document.querySelector('article.attention');
    const text = card instanceof HTMLElement ? card.innerText.replace(/\s+/g, ' ') : '';
    const all = (sources) => sources.every((source) => new RegExp(source).test(text));
    const abort = [...(card?.querySelectorAll('button') ?? [])].find((button) => button.textContent.startsWith('Abort'));
    const box = abort?.getBoundingClientRect();
    return {
      failing: document.title.startsWith('(1!)') && document.querySelector('.tile[data-tone="fail"]') !== null && (document.querySelector('link[rel="icon"]')?.href ?? '').startsWith('data:'),
      which: all(says.which),
      check: all(says.check),
      left: all(says.left),
      share: all(says.share),
      next: all(says.next),
      abort: box !== undefined && box.top >= 0 && box.bottom <= innerHeight && abort.getAttribute('aria-disabled') === null,
    };
  }, says);
}

export const all_seven = { failing: true, which: true, check: true, left: true, share: true, next: true, abort: true };

// How long this machine takes for one frame now. Where it is half a second, seconds say nothing about the page.
export async function one_frame(page) {
  const before = performance.now();
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(done)));
  return performance.now() - before;
}
