import { cleanup, fireEvent, render, screen, within } from '@testing-library/svelte';
import { tick } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import Actions from '../../src/parts/Actions.svelte';
import AttentionCard from '../../src/parts/AttentionCard.svelte';
import Checks from '../../src/parts/Checks.svelte';
import Decisions from '../../src/parts/Decisions.svelte';
import Notifications from '../../src/parts/Notifications.svelte';
import Objects from '../../src/parts/Objects.svelte';
import SetImage from '../../src/parts/SetImage.svelte';
import SideBySide from '../../src/parts/SideBySide.svelte';
import Pods from '../../src/parts/Pods.svelte';
import ReleaseTable from '../../src/parts/ReleaseTable.svelte';
import Said from '../../src/parts/Said.svelte';
import StepTable from '../../src/parts/StepTable.svelte';
import Split from '../../src/parts/Split.svelte';
import Timeline from '../../src/parts/Timeline.svelte';
import Token from '../../src/parts/Token.svelte';
import { acting } from '../../src/lib/act.svelte';
import { clock } from '../../src/lib/clock.svelte';
import { coming } from '../../src/lib/words';
import type { Detail, Release, Side } from '../../src/api/types';
import { podinfo_at } from './samples';

const real_fetch = globalThis.fetch;
afterEach(() => {
  cleanup();
  globalThis.fetch = real_fetch;
  acting.release = null;
});

// This machine's clock is months away from that of the story: only the server's counts.
clock.learn('2026-01-01T12:01:48.000Z', Date.now(), 0);

describe('both versions', () => {
  const podinfo = podinfo_at(108);
  const shown = (success: number, verdict: 'pass' | 'fail', query: string) => {
    cleanup();
    const metrics = podinfo.metrics.map((metric) => (metric.name === 'request-success-rate' ? { ...metric, verdict, query } : metric));
    render(SideBySide, { release: { ...podinfo, metrics, revisions: { ...podinfo.revisions, canary: { ...podinfo.revisions.canary, success } } } });
    return (document.body.textContent ?? '').replace(/\s+/g, ' ');
  };
  const built_in = 'sum(rate(istio_requests_total{response_code!~"5.*"}[1m]))';
  it('say why a check may pass while requests get no answer: its query takes only 5xx for failures', () => {
    expect(shown(0.95, 'pass', built_in)).toMatch(/95\.00 % out of bounds.*request-success-rate passed all the same: its query takes 5xx alone for failures/);
  });
  it('do not say so where both agree, or where the query is somebody’s own', () => {
    expect(shown(0.95, 'fail', built_in)).not.toMatch(/all the same/);
    expect(shown(0.999, 'pass', built_in)).not.toMatch(/all the same/);
    expect(shown(0.95, 'pass', 'sum(rate(mine[1m]))')).not.toMatch(/all the same/);
  });
});

describe('a canary whose tries are cut off and tried again', () => {
  const podinfo = podinfo_at(108);
  const side = (seen: Partial<Side['seen']>): Side => ({ ...podinfo.revisions.canary, success: 0.95, noAnswer: 0.05, p99: 1020, seen: { by: 'callers', rps: 4, success: 1, p99: 1060, reason: null, ...seen } });
  const rows = (canary: Side) => {
    cleanup();
    render(SideBySide, { release: { ...podinfo, revisions: { ...podinfo.revisions, canary } } });
    return screen.getAllByRole('row').map((row) => (row.textContent ?? '').replace(/\s+/g, ' ').trim());
  };
  it('has what callers saw, and what the app did, apart; and the share without an answer as a line of its own', () => {
    const all = rows(side({}));
    const seen = all.findIndex((row) => row.startsWith('Seen by callers after timeouts and retries'));
    const done = all.findIndex((row) => row.startsWith('Done by the app'));
    expect(seen).toBeGreaterThan(0);
    expect(all[seen + 2]).toMatch(/^Success.*100 %$/);
    expect(all[seen + 3]).toMatch(/^p99.*1\.06 s$/);
    expect(done).toBeGreaterThan(seen + 3);
    expect(all.slice(done).find((row) => row.startsWith('No answer'))).toMatch(/0 % ?5\.00 %$/);
    expect(document.body.textContent).toMatch(/No caller saw a failure/);
  });
  it('calms nobody where callers saw failures, or where no proxy of theirs reports', () => {
    rows(side({ success: 0.98 }));
    expect(document.body.textContent).not.toMatch(/No caller saw a failure/);
    expect(rows(side({ by: 'app', reason: "no caller's proxy reports" })).some((row) => /^Seen by callers no caller’s proxy reports/.test(row))).toBe(true);
    expect(document.body.textContent).not.toMatch(/No caller saw a failure/);
  });
  it('gives the number with which the check passes all the same', () => {
    const metrics = podinfo.metrics.map((metric) => (metric.name === 'request-success-rate' ? { ...metric, verdict: 'pass' as const, query: 'sum(rate(istio_requests_total{response_code!~"5.*"}[1m]))' } : metric));
    render(SideBySide, { release: { ...podinfo, metrics, revisions: { ...podinfo.revisions, canary: side({}) } } });
    expect((document.body.textContent ?? '').replace(/\s+/g, ' ')).toMatch(/passed all the same.*code 0.*: 5\.00 % of the canary’s tries/);
  });
  it('says of the requests so far what users saw, and the tries apart', () => {
    const said = (exposure: Partial<Release['exposure']>) => {
      cleanup();
      render(AttentionCard, { release: { ...podinfo, exposure: { requests: 240, failed: 0, cutOff: 12, by: 'callers', since: null, reason: null, ...exposure } } });
      return (screen.getByRole('article').textContent ?? '').replace(/\s+/g, ' ');
    };
    expect(said({})).toMatch(/none failed for users; 12 tries were cut off and tried again/);
    expect(said({ cutOff: 1 })).toMatch(/1 try was cut off and tried again/);
    expect(said({ cutOff: 0 })).toMatch(/none failed for users(?!;)/);
    expect(said({ failed: 3 })).toMatch(/3 failed for users; 12 tries were cut off(?! and)/);
    expect(said({ failed: 12, cutOff: null, by: 'app' })).toMatch(/12 failed or got no answer, by the app’s own count: no caller’s proxy reports/);
  });
});

describe('a failing release', () => {
  it('tells which, which version, which check, how bad, whom it met, what is next and when, and how to stop it', () => {
    render(AttentionCard, { release: podinfo_at(108) });
    const card = screen.getByRole('article', { name: /podinfo/ });
    for (const text of [/Failing/, /podinfo/, /6\.1\.0/, /6\.2\.0/, /request-success-rate/, /93\.20 %/, /≥ 99 %/, /1 of 3/, /2 left before rollback/, /20 %/, /3\.\d rps/, /56/, /check in 6 s/]) {
      expect(card.textContent).toMatch(text);
    }
    expect(within(card).getByRole('button', { name: /^Abort/ }).getAttribute('aria-disabled')).toBeNull();
  });
  it('says that one more failure rolls back', () => {
    render(AttentionCard, { release: podinfo_at(118) });
    expect(screen.getByRole('article').textContent).toMatch(/one more failure rolls back/);
  });
  it('says that the check has a time, and what follows it only if it passes', () => {
    render(AttentionCard, { release: podinfo_at(108) });
    expect(screen.getByRole('article').textContent).toMatch(/Next\s*check in 6 s\s*if it passes, weight 40; if it fails, it holds \(1 left\)/);
  });
  it('shows what is unknown as a dash with its reason', () => {
    render(AttentionCard, { release: podinfo_at(108, 'prometheus-away') });
    expect(screen.getByRole('article').textContent).toMatch(/Requests so far\s*–\s*Prometheus does not answer/);
  });
});

describe('a release that has failed', () => {
  const failed = () => podinfo_at(200);
  it('says why it was rolled back, and counts no failures that are left', () => {
    expect(failed().status).toBe('Failed');
    render(AttentionCard, { release: failed() });
    const text = screen.getByRole('article').textContent ?? '';
    expect(text).toMatch(/Rolled back.*failed checks threshold reached 3/);
    expect(text).not.toMatch(/0 of 3/);
  });
});

describe('the table of releases', () => {
  const row = (release = podinfo_at(108), roomy = true) => {
    cleanup();
    render(ReleaseTable, { releases: [release], roomy });
    return screen.getAllByRole('row')[1] as HTMLElement;
  };
  it('shows the measured share beside the weight, with the requests it was measured on', () => {
    expect(row().querySelector('.c-weight')?.textContent).toMatch(/20 %\s*19\.7 % of 197/);
    const release = podinfo_at(108);
    const away = row({ ...release, weight: { ...release.weight, measured: null, sample: null, reason: 'Prometheus does not answer' } });
    expect(away.querySelector('.c-weight')?.textContent).toMatch(/not measured/);
    expect(away.querySelector('.c-weight .second')?.getAttribute('title')).toBe('Prometheus does not answer');
  });
  it('offers what its state allows, and asks before it acts', async () => {
    expect(within(row()).getAllByRole('button').map((button) => button.textContent)).toEqual(['Abort podinfo', 'Pause podinfo']);
    await fireEvent.click(within(row()).getByRole('button', { name: /^Abort/ }));
    expect(acting.release?.name).toBe('podinfo');
  });
  it('has room for two: of what waits at a gate the whole promotion is left to its page', () => {
    const yes = { allowed: true, why: null };
    const at_gate = { ...podinfo_at(108), severity: 'waiting' as const, actions: { promote: yes, step: yes, abort: yes } };
    expect(within(row(at_gate)).getAllByRole('button').map((button) => button.textContent?.split(' podinfo')[0]).sort()).toEqual(['Abort', 'Next step']);
    const elsewhere = { ...at_gate, actions: { ...at_gate.actions, step: { allowed: false, why: 'waits at no gate' } } };
    expect(within(row(elsewhere)).getAllByRole('button').map((button) => button.textContent?.split(' podinfo')[0]).sort()).toEqual(['Abort', 'Promote']);
  });
  it('offers nothing to who may not, nor for what has ended well', () => {
    expect(within(row({ ...podinfo_at(108), actions: {} })).queryAllByRole('button')).toEqual([]);
    expect(within(row({ ...podinfo_at(108), status: 'Succeeded', severity: 'ok', attention: null })).queryAllByRole('button')).toEqual([]);
  });
  it('tells the worst that was measured last, where the line above tells no check', () => {
    const release = podinfo_at(40);
    expect(row(release).querySelector('.c-says')?.textContent).toMatch(/the next round of checks.*[0-9] .*request-/);
    expect(row().querySelectorAll('.c-says .second')).toHaveLength(0);
  });
  it('has one line to a release beside the Events', () => {
    expect(row(podinfo_at(108), false).querySelectorAll('.second, .c-actions')).toHaveLength(0);
  });
});

describe('what comes next', () => {
  const shown = (t: number) => {
    render(ReleaseTable, { releases: [podinfo_at(t)] });
    return document.querySelector('td.c-next')?.textContent;
  };
  it('is a check with its time, and after it what the plan goes on with', () => {
    expect(shown(108)).toBe('check in 6 s; if it passes, weight 40');
  });
  it('is no check where none is due', () => {
    // Rolling back, the drain has an end.
    const release = podinfo_at(108);
    expect(coming({ ...release, checks: { ...release.checks, nextAt: null }, outlook: { ...release.outlook, next: 'podinfo is scaled to zero' } })).toEqual({ what: 'podinfo is scaled to zero', at: release.outlook.notBefore, if_passed: null });
  });
});

describe('pods', () => {
  const text = (reason: string | null) => {
    cleanup();
    return render(Pods, { pods: [], reason }).container.textContent;
  };
  it('that are not known are not told to be none, and it says why', () => {
    expect(text('You may not list pods in namespace test')).toMatch(/You may not list pods in namespace test\..*None is known/);
    expect(text('watching pods: connection refused')).toMatch(/connection refused.*None is known/);
    expect(text(null)).toMatch(/No pod of it exists/);
    expect(text(null)).not.toMatch(/None is known/);
  });
});

describe('notifications', () => {
  const detail = () => podinfo_at(200).detail as Detail;
  it('tell what was not taken, and why', () => {
    render(Notifications, { detail: detail() });
    expect(screen.getAllByRole('listitem').some((item) => /alert to on-call.*bad response 502/.test(item.textContent ?? ''))).toBe(true);
  });
  it('that are not known are not shown as none', () => {
    render(Notifications, { detail: { ...detail(), notifications: null, notificationsReason: 'another process runs the releases' } });
    expect(screen.getByRole('status').textContent).toMatch(/Not known here: another process runs the releases/);
    expect(screen.queryByRole('list')).toBeNull();
  });
  it('that there were none is said', () => {
    render(Notifications, { detail: { ...detail(), notifications: [] } });
    expect(screen.getByRole('listitem').textContent).toMatch(/Nothing was posted/);
  });
});

describe('objects of a release', () => {
  it('lead to their pages and their findings, and show what is missing', () => {
    const traffic = podinfo_at(108).traffic;
    if (!traffic) throw new Error('no traffic');
    const objects = traffic.objects.map((object) => (object.name === 'podinfo-canary' && object.kind === 'Service' ? { ...object, exists: false, ok: false } : object));
    render(Objects, { traffic: { ...traffic, objects } });
    expect(screen.getAllByRole('link', { name: 'podinfo' }).map((link) => link.getAttribute('href'))).toEqual(['/ui/workloads/test/deployment/podinfo', '/ui/services/test/podinfo']);
    const missing = screen.getAllByRole('listitem').find((item) => /Service podinfo-canary/.test(item.textContent ?? ''));
    expect(missing?.textContent).toMatch(/Missing/);
    expect(missing?.querySelector('a')).toBeNull();
    expect(screen.getByRole('link', { name: /1 finding on VirtualService podinfo/ }).getAttribute('href')).toMatch(/validations\?.*q=podinfo/);
  });
});

describe('actions', () => {
  it('that the state forbids are there, and say why', async () => {
    render(Actions, { release: podinfo_at(0) });
    const abort = screen.getByRole('button', { name: /Abort/ });
    expect(abort.getAttribute('aria-disabled')).toBe('true');
    expect(document.getElementById(abort.getAttribute('aria-describedby') ?? '')?.textContent).toBe('podinfo.test is Initialized: no release is under way');
    await fireEvent.click(abort);
    expect(acting.release).toBeNull();
  });
  it('that the person may not do are not there', () => {
    const release = { ...podinfo_at(108), actions: { pause: { allowed: true, why: null } } };
    render(Actions, { release });
    expect(screen.getAllByRole('button').map((button) => button.textContent)).toEqual(['Pause podinfo']);
  });
  it('let a release past its gate only while it waits at one', () => {
    const release = podinfo_at(108);
    release.actions = { promote: { allowed: true, why: null }, step: { allowed: false, why: 'podinfo.test waits at no gate' } };
    const { unmount } = render(Actions, { release });
    expect(screen.queryByRole('button', { name: /Next step/ })).toBeNull();
    unmount();
    release.actions = { promote: { allowed: true, why: null }, step: { allowed: true, why: null } };
    render(Actions, { release });
    expect(screen.getAllByRole('button').map((button) => button.textContent)).toEqual(['Next step podinfo', 'Promote podinfo']);
  });
  it('ask before they are carried out', async () => {
    render(Actions, { release: podinfo_at(108) });
    await fireEvent.click(screen.getByRole('button', { name: /Abort/ }));
    expect(acting.release?.name).toBe('podinfo');
    expect(acting.verb).toBe('abort');
  });
});

describe('another image', () => {
  HTMLDialogElement.prototype.showModal = function () { this.open = true; };
  HTMLDialogElement.prototype.close = function () { this.open = false; };
  const answers = (images: object, status: number, action: object) => {
    globalThis.fetch = vi.fn((url) => Promise.resolve(String(url).endsWith('/images') ? new Response(JSON.stringify(images)) : new Response(JSON.stringify(action), { status }))) as typeof fetch;
  };
  const images = { now: '2026-01-01T12:01:48.000Z', containers: [{ container: 'podinfod', image: 'podinfo:6.1.0' }, { container: 'sidecar', image: 'proxy:1' }], consequence: 'begins the analysis anew with it' };
  it('is not offered to who may not give it', async () => {
    answers({ ...images, containers: [] }, 202, {});
    render(SetImage, { release: podinfo_at(108) });
    await vi.waitFor(() => expect(globalThis.fetch).toHaveBeenCalled());
    await tick();
    expect(screen.queryByRole('button')).toBeNull();
  });
  it('is asked for by container, says what comes of it, and why it cannot be', async () => {
    answers(images, 422, { error: { code: 'not_allowed_now', message: 'podinfo 6 is no reference of an image', requestId: 'x' } });
    render(SetImage, { release: podinfo_at(108) });
    await fireEvent.click(await screen.findByRole('button', { name: /Set image/ }));
    const field = await screen.findByLabelText('Image');
    expect((field as HTMLInputElement).value).toBe('podinfo:6.1.0');
    expect(document.body.textContent).toContain('begins the analysis anew with it');
    await fireEvent.change(screen.getByLabelText('Container'), { target: { value: 'sidecar' } });
    expect((field as HTMLInputElement).value).toBe('proxy:1');
    await fireEvent.input(field, { target: { value: 'podinfo 6' } });
    await fireEvent.click(screen.getByRole('button', { name: 'Set it', hidden: true }));
    expect((await screen.findByRole('alert', { hidden: true })).textContent).toBe('podinfo 6 is no reference of an image');
    const sent = vi.mocked(globalThis.fetch).mock.calls.find(([url]) => String(url).endsWith('/actions/image'));
    expect(JSON.parse(String(sent?.[1]?.body)).args).toEqual({ container: 'sidecar', image: 'podinfo 6' });
  });
});

describe('checks', () => {
  it('show question, answer, threshold and verdict', () => {
    render(Checks, { release: podinfo_at(108) });
    const row = screen.getByRole('row', { name: /request-success-rate/ });
    for (const text of [/Fail/, /over 1m/, /93\.20 %/, /≥ 99 %/]) expect(row.textContent).toMatch(text);
  });
  it('without data say so, and why, and not 0', () => {
    const release = podinfo_at(108);
    const first = release.metrics[0];
    if (!first) throw new Error('no metric');
    release.metrics = [{ ...first, value: null, reach: 'the window reaches 40 s back before weight 20', verdict: 'nodata', reason: 'the query has no result', series: [[1, null], [2, Number.NaN]] }];
    render(Checks, { release });
    const row = screen.getByRole('row', { name: /request-success-rate/ });
    expect(row.textContent).toMatch(/No data/);
    expect(row.textContent).toMatch(/– the query has no result/);
    expect(row.textContent).toContain('the window reaches 40 s back before weight 20');
    expect(document.querySelector('path[d*="NaN"]')).toBeNull();
  });
  it('of an unknown verdict of a later server are an error and not a pass', () => {
    const release = podinfo_at(108);
    const detail = release.detail;
    if (!detail) throw new Error('no detail');
    detail.decisions = [{ at: '2026-01-01T12:01:44.000Z', what: 'x', words: 'x', said: [], pods: null, wrote: [], next: null, checks: [{ check: 'smoke', question: 'smoke hook http://x', answer: null, threshold: null, verdict: 'baffled' as 'pass', reach: null }] }];
    render(Checks, { release });
    expect(screen.getByRole('row', { name: /smoke/ }).textContent).toMatch(/Error/);
  });
});

describe('texts from the cluster', () => {
  it('are inserted as text, whatever is in them', () => {
    const release = podinfo_at(108);
    const html = '<img src=x onerror="window.pwned=1"> 🚀';
    release.name = html;
    if (release.attention) release.attention.sentence = html;
    render(AttentionCard, { release });
    const detail = release.detail;
    if (detail) render(Decisions, { decisions: [{ ...(detail.decisions[0] as (typeof detail.decisions)[0]), said: [html], wrote: [html] }] });
    expect(document.querySelector('img')).toBeNull();
    expect(document.body.textContent).toContain(html);
  });
});

describe('decisions', () => {
  it('tell why the pods were not ready, which are gone', () => {
    const detail = podinfo_at(108).detail;
    if (!detail) throw new Error('no detail');
    render(Decisions, { decisions: [{ ...(detail.decisions[0] as (typeof detail.decisions)[0]), pods: 'ImagePullBackOff of podinfo:9.9.9 (1 pod)' }] });
    expect(screen.getByText('ImagePullBackOff of podinfo:9.9.9 (1 pod)').tagName).toBe('DD');
  });
});

describe('the timeline', () => {
  it('marks what is done, at hand, failed and to come', () => {
    render(Timeline, { release: podinfo_at(40) });
    expect([...document.querySelectorAll('li')].map((li) => li.getAttribute('data-state'))).toEqual(['done', 'done', 'current', 'pending', 'pending', 'pending', 'pending']);
    cleanup();
    render(Timeline, { release: podinfo_at(150) });
    expect([...document.querySelectorAll('li')].map((li) => li.getAttribute('data-state'))).toEqual(['failed', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped', 'skipped']);
  });
  it('tells with each step what its checks answered last', () => {
    render(Timeline, { release: podinfo_at(108) });
    const step = document.querySelector('li[aria-current="step"]') as HTMLElement;
    expect(step.querySelector('.result[data-tone="fail"]')?.textContent).toMatch(/request-success-rate 93\.20 %/);
    expect(step.querySelector('.result[data-tone="fail"] svg')?.getAttribute('aria-label')).toBe('Fail');
  });
  it('marks a step whose checks fail, though it is not over yet', () => {
    const release = podinfo_at(108);
    const here = release.steps.items?.find((step) => step.state === 'current' || step.state === 'failed');
    if (!here) throw new Error('no step at hand');
    here.state = 'current';
    render(Timeline, { release });
    const step = document.querySelector('li[aria-current="step"]');
    expect(step?.getAttribute('data-state')).toBe('failing');
    expect(step?.textContent).toMatch(/1 of 3 failed, next check in 6 s/);
  });
  it('tells of each step in full what was planned, what is, when, and what its checks answered', () => {
    render(StepTable, { release: podinfo_at(108) });
    const rows = screen.getAllByRole('row').slice(1).map((row) => (row.textContent ?? '').replace(/\s+/g, ' ').trim());
    expect(rows).toHaveLength(7);
    const here = document.querySelector('tr[aria-current="step"]');
    expect(here?.getAttribute('data-state')).toBe('failing');
    expect(here?.textContent?.replace(/\s+/g, ' ')).toMatch(/Failing ?1 20 % ?20 % ?20 % by the route ?[0-9.]+ % of [0-9]+ requests ?12:01:34 ?[0-9]+ s so far ?1 of 3 failed, next check .*request-success-rate/);
    expect(rows[6]).toMatch(/^Pending ?7 Succeeded Succeeded: podinfo is scaled to zero ?0 %(?: ?–){4}$/);
    cleanup();
    render(StepTable, { release: podinfo_at(60) });
    expect(screen.getAllByRole('row')[1]?.textContent?.replace(/\s+/g, ' ')).toMatch(/Done ?1 20 % ?20 % ?– ?12:00:16 ?10 s ?.*request-success-rate 99\.60 %.*request-duration 220 ms/);
  });
  it('of hundreds of iterations shows those around the present', () => {
    const release = podinfo_at(40);
    const step = release.steps.items?.[0];
    if (!step) throw new Error('no step');
    release.steps = { index: 250, total: 500, items: Array.from({ length: 500 }, (_, i) => ({ ...step, i, label: `iteration ${i + 1} of 500`, type: 'iteration' as const })) };
    render(Timeline, { release });
    expect(document.querySelectorAll('li').length).toBeLessThan(20);
    expect(document.body.textContent).toMatch(/iteration 251 of 500/);
  });
});

describe('texts of the server', () => {
  const shown = (text: string) => {
    cleanup();
    render(Said, { text });
    return document.body.innerHTML.replace(/<!--.*?-->/g, '');
  };
  it('have their commands marked, and all else as it is', () => {
    expect(shown('a new revision, or `sluice retry`')).toContain('a new revision, or <code>sluice retry</code>');
    expect(shown('one ` alone')).toContain('one ` alone');
    expect(shown('`<b>`')).toContain('<code>&lt;b&gt;</code>');
  });
});

describe('the split', () => {
  it('shows what was measured, with the size of the sample', () => {
    render(Split, { release: podinfo_at(108) });
    expect(document.body.textContent).toMatch(/Measured\s*\d+(\.\d)? %\s*of \d+ requests/);
  });
  it('that could not be measured is a dash', () => {
    render(Split, { release: podinfo_at(108, 'prometheus-away') });
    expect(document.body.textContent).toMatch(/Measured\s*–/);
  });
});

describe('who has to bring a token', () => {
  it('is told where one comes from, and of no command that has none', () => {
    render(Token);
    const text = document.body.textContent ?? '';
    for (const part of [/--ui-token-file/, /kubectl create token/, /#token=/]) expect(text).toMatch(part);
    expect(text).not.toMatch(/sluice dashboard/);
  });
});
