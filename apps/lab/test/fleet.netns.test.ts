/** The demo fleet from the first start to the second, seen through its console in a real browser. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, openBrowser } from './browser.js';
import { type DemoFleet, runLab, startDemoFleet } from './demo-fleet.js';

const data = mkdtempSync(join(tmpdir(), 'corridor-fleet-test-'));
const executable = findChromium();
const PROBE = readFileSync(new URL('./watch-switches.js', import.meta.url), 'utf8');
const WAIT_MS = 60_000;

let fleet: DemoFleet;

beforeAll(async () => {
  const started = performance.now();
  fleet = await startDemoFleet(data, '--quiet');
  report('first start until every vehicle is live', performance.now() - started);
}, 300_000);

afterAll(async () => {
  await fleet?.end();
  rmSync(data, { recursive: true, force: true });
}, 60_000);

/** Times are told, never judged: they belong to the machine. */
function report(what: string, ms: number): void {
  process.stdout.write(`${what}: ${(ms / 1000).toFixed(2)} s\n`);
}

if (executable === undefined) {
  it.skip('no Chromium here, so the console is not tried in a browser: apt-get install chromium', () => {});
}

describe.runIf(executable !== undefined)('the console of the demo fleet', () => {
  let browser: Browser;
  let page: Page;
  const mistakes: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser(executable as string);
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(WAIT_MS);
    page.on('pageerror', (error) => mistakes.push(String(error)));
    // The list alone: the map is drawn by software here and would take the processor from the tunnels.
    await page.goto(`${fleet.url}/?view=list`);
  }, WAIT_MS);

  afterAll(async () => {
    await browser?.close();
  });

  it('refuses a wrong password in words, and takes the right one', async () => {
    await logIn(page, 'wrong password');
    await page
      .getByText(/password/i)
      .filter({ hasText: /wrong|not|unknown/i })
      .first()
      .waitFor();
    await logIn(page, fleet.password);
    await page.getByRole('table', { name: 'Vehicles' }).waitFor();
  });

  it('shows three live vehicles', async () => {
    const list = page.getByRole('table', { name: 'Vehicles' });
    for (const name of ['Ambulance 1', 'Ambulance 2', 'Ambulance 3']) {
      await list.getByRole('row').filter({ hasText: name }).getByText('Live').first().waitFor();
    }
    await page.getByRole('button', { name: /^3 live/ }).waitFor();
  });

  it('cuts the link that carries the traffic and shows the switch with its reason', async () => {
    await page.getByRole('link', { name: 'Ambulance 1' }).click();
    const active = page
      .getByRole('article')
      .filter({ hasText: /carries [^·]*default/ })
      .first();
    await active.waitFor();
    const label = (await active.getAttribute('aria-label')) ?? '';
    const link = label.replace(/^Link /, '');
    await page.getByRole('combobox', { name: 'Events' }).selectOption('switches');
    await watchSwitches(page, link);
    await page.getByRole('button', { name: `Cut link ${link}` }).click();
    const { text, ms } = await nextSwitch(page);
    report(`from the click to the switch on the screen (${text})`, ms);
    expect(text).toMatch(new RegExp(`${link}.* → `));
    expect(text).toMatch(/silent|no acknowledgement|down/);
    const state = page.locator(`article[aria-label="${label}"] .link-state`);
    await state.filter({ hasText: /down|suspect/ }).waitFor();
    await page.getByRole('button', { name: `Restore link ${link}` }).click();
    await state.filter({ hasText: 'up' }).waitFor();
  });

  it('changes the policy and shows it applied', async () => {
    await page.getByRole('tab', { name: 'Policy' }).click();
    await page.getByRole('button', { name: 'Change policy' }).click();
    await page.getByRole('combobox', { name: 'Default strategy' }).selectOption('redundant');
    const started = performance.now();
    await page.getByRole('button', { name: 'Save and push' }).click();
    await page.getByText(/Applied on 1 of 1 vehicle/).waitFor();
    report('from the click to applied on the screen', performance.now() - started);
    await page.getByText('v2', { exact: false }).first().waitFor();
  });

  it('enrols a fourth vehicle by its claim', async () => {
    await page.getByRole('link', { name: 'Provisioning' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('Ambulance 4');
    await page.getByRole('textbox', { name: 'Networks behind it' }).fill('192.168.80.0/24');
    await page.getByRole('button', { name: 'Add vehicle' }).click();
    await page.getByRole('button', { name: 'Make a claim' }).click();
    const command = await page.locator('.command code').innerText();
    expect(command).toMatch(/^corridor-agent enroll https:\/\/\S+ corridor1\.\S+$/);
    expect(await page.getByRole('img', { name: 'QR code of the claim' }).count()).toBe(1);
    const claim = command.split(' ').at(-1) as string;
    expect(await runLab('enrol', claim, '--data', data)).toBe('enrolled: the spare ambulance is Ambulance 4 now\n');
    await page.getByText('The device has enrolled.').waitFor();
    await page.getByRole('link', { name: 'Fleet' }).first().click();
    await page.getByRole('button', { name: /^4 live/ }).waitFor();
    await expect(runLab('enrol', claim, '--data', data)).rejects.toThrow('every vehicle of this demo is enrolled');
  });

  it('has no mistake of its own in the browser', () => {
    expect(mistakes).toEqual([]);
  });
});

it('keeps the fleet for the next start, and leaves nothing behind when it ends', async () => {
  const before = JSON.stringify(readdirSync(join(data, 'vehicles')).sort());
  expect(await fleet.end()).toBe(0);
  expect(readdirSync(data)).not.toContain('demo.json');
  const started = performance.now();
  fleet = await startDemoFleet(data);
  report('second start until every vehicle is live', performance.now() - started);
  expect(fleet.output()).not.toMatch(/enrolling|is not live/);
  expect(JSON.stringify(readdirSync(join(data, 'vehicles')).sort())).toBe(before);
}, 300_000);

async function logIn(page: Page, password: string): Promise<void> {
  await page.getByRole('textbox', { name: 'User name' }).fill('admin');
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Log in' }).click();
}

/** Starts the probe of watch-switches.js in the page, for a switch away from `link` after the next click. */
function watchSwitches(page: Page, link: string): Promise<void> {
  return page.evaluate(`${PROBE}\nwindow.watchSwitches(${JSON.stringify(link)})`);
}

/** What the probe saw. */
function nextSwitch(page: Page): Promise<{ text: string; ms: number }> {
  return page.evaluate('window.seenSwitch');
}
