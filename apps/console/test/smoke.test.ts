import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessibilityFaults, CHROMIUM, launch, watchedPage } from './browser.js';
import { buildConsole } from './built.js';
import { idOf } from './fixture/fleet.js';
import { PASSWORD } from './fixture/routes.js';
import { type Fixture, startFixture } from './fixture/server.js';

const VEHICLE = idOf(1, 1);
const PAGES = [
  ['the fleet', '/', '.vrow'],
  ['the map', '/?view=map', '.maplibregl-canvas'],
  ['a vehicle', `/vehicles/${VEHICLE}`, '.chart canvas'],
  ['its policy', `/vehicles/${VEHICLE}?tab=policy`, '.push-steps'],
  ['its device', `/vehicles/${VEHICLE}?tab=device`, '.facts'],
  ['provisioning', '/provisioning', '.provision form'],
  ['groups', '/groups', '.table'],
  ['operators', '/operators', '.table'],
  ['API tokens', '/tokens', '.page-head'],
  ['the audit log', '/audit', '.table'],
  ['the account', '/account', '.facts'],
  ['an unknown page', '/nowhere', '.empty'],
] as const;
const WAIT = { timeout: 60_000 };

if (CHROMIUM === undefined)
  console.warn('console: no Chromium here (apt: chromium), so the browser tests are left out');

describe.skipIf(CHROMIUM === undefined)('the console in a browser', { timeout: 300_000 }, () => {
  let built: Awaited<ReturnType<typeof buildConsole>>;
  let fixture: Fixture;
  let browser: Browser;
  beforeAll(async () => {
    built = await buildConsole();
    [fixture, browser] = await Promise.all([startFixture({ dist: built.dist }), launch()]);
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await fixture?.close();
    built?.remove();
  });

  async function open(options: Parameters<Browser['newContext']>[0] = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const watched = await watchedPage(context, fixture.url);
    await watched.page.goto(fixture.url);
    return { ...watched, context };
  }

  async function logIn(page: Page) {
    await page.waitForSelector('.bar, input[name=username]', WAIT);
    if ((await page.$('input[name=username]')) === null) return;
    await page.fill('input[name=username]', 'admin');
    await page.fill('input[name=password]', PASSWORD);
    await page.click('button[type=submit]');
    await page.waitForSelector('.bar', WAIT);
  }

  it('refuses a wrong password with a sentence, and lets the right one in', async () => {
    const { page, context, complaints } = await open();
    await page.waitForSelector('input[name=username]', WAIT);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.fill('input[name=username]', 'admin');
    await page.fill('input[name=password]', 'wrong');
    await page.click('button[type=submit]');
    expect(await page.textContent('.notice-error', WAIT)).toBe('User name or password is wrong.');
    await logIn(page);
    await page.waitForSelector('.feed-light-live', WAIT);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it.each([
    ['desktop, light', { colorScheme: 'light' as const }],
    ['phone, dark', { colorScheme: 'dark' as const, viewport: { width: 390, height: 844 } }],
  ])('shows every page without an error, a fault or a foreign request: %s', async (_, options) => {
    const { page, context, complaints } = await open(options);
    await logIn(page);
    const faults: string[] = [];
    for (const [name, path, sign] of PAGES) {
      await page.goto(fixture.url + path);
      await page.waitForSelector(sign, WAIT);
      faults.push(...(await accessibilityFaults(page)).map((fault) => `${name}: ${fault}`));
    }
    expect(faults).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('cuts a link and shows the switch with its reason', async () => {
    const { page, context, complaints } = await open();
    await logIn(page);
    await page.goto(`${fixture.url}/vehicles/${VEHICLE}`);
    await page.waitForSelector('.link', WAIT);
    await page.click('[aria-label="Cut link Telekom"]');
    await page.waitForSelector(
      '.event:has-text("wwan0 is suspect: silent for 140 ms"):has-text("Telekom → Vodafone"):has-text("default")',
      WAIT,
    );
    await page.waitForSelector('.link[aria-label="Link Telekom"] .link-down', WAIT);
    await page.click('[aria-label="Restore link Telekom"]');
    await page.waitForSelector('.link[aria-label="Link Telekom"] .link-state:not(.link-down)', WAIT);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('opens the figures of a switch, before and after, and they fit a phone', async () => {
    const { page, context, complaints } = await open({ viewport: { width: 360, height: 780 } });
    await logIn(page);
    await page.goto(`${fixture.url}/vehicles/${VEHICLE}`);
    const change = page
      .locator('.event:has-text("Telekom → Vodafone"):has(summary:has-text("before and after"))')
      .first();
    await change.locator('summary').click(WAIT);
    const table = await change.locator('.event-figures').innerText();
    expect(table.replaceAll('\u00a0', ' ')).toMatch(/Telekom was first[\s\S]*14 ms[\s\S]*2\.4 %[\s\S]*2\.1 s later/);
    expect(table).toContain('14 sent again, none dropped');
    expect(await change.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0);
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('changes a policy, says what will change, and follows it until it is applied', async () => {
    const { page, context, complaints } = await open();
    await logIn(page);
    await page.goto(`${fixture.url}/vehicles/${VEHICLE}?tab=policy`);
    await page.click('text=Change policy');
    await page.getByLabel('Default strategy').selectOption('redundant');
    await page.waitForSelector('.changes li:has-text("Default traffic: inherited → redundant.")', WAIT);
    const section = page.getByLabel('Default traffic');
    await section.getByLabel('Metered').check();
    await section.getByText('Advanced').click();
    await section.getByLabel('Deadline, ms').fill('5000');
    await page.click('text=Save and push');
    await page.waitForSelector('.field-error:has-text("expected a whole number from 20 to 3000")', WAIT);
    await section.getByLabel('Deadline, ms').fill('800');
    await page.waitForSelector('.changes li:has-text("redundant, avoids metered, deadline 800 ms")', WAIT);
    await page.click('text=Save and push');
    await page.waitForSelector('.rollout .notice-good:has-text("Applied on 1 of 1 vehicle")', WAIT);
    await page.waitForSelector('.push-step.push-done:has-text("applied")', WAIT);
    expect(await page.textContent('.push-version')).toBe('Version 4');
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('meets a conflict without losing what was typed', async () => {
    const { page, context } = await open();
    await logIn(page);
    await page.goto(`${fixture.url}/vehicles/${VEHICLE}?tab=policy`);
    await page.click('text=Change policy');
    await page.getByLabel('Default strategy').selectOption('smallest-delay');
    const current = fixture.world.layer('vehicle', VEHICLE);
    fixture.world.save({
      ...current,
      version: current.version + 1,
      layer: { ...current.layer, without: ['video'] },
      author: 'dora',
      comment: 'no video at night',
    });
    await page.click('text=Save and push');
    await page.waitForSelector('.notice-warning:has-text("dora saved version"):has-text("no video at night")', WAIT);
    await page.click('text=Keep my changes over theirs');
    expect(await page.getByLabel('Default strategy').inputValue()).toBe('smallest-delay');
    expect(await page.getByLabel('video').isChecked()).toBe(true);
    await page.click('text=Save and push');
    await page.waitForSelector('.rollout .notice-good', WAIT);
    await context.close();
  });

  it('adds a vehicle, shows its claim once, and says at once that the device is in', async () => {
    const { page, context, complaints } = await open();
    await logIn(page);
    await page.goto(`${fixture.url}/provisioning`);
    await page.getByLabel('Name').fill('Ambulance 99');
    await page.click('button:has-text("Add vehicle")');
    await page.click('button:has-text("Make a claim")');
    await page.waitForSelector('.claim-qr', WAIT);
    expect(await page.textContent('.command code')).toContain('corridor-agent enroll https://');
    const vehicle = fixture.world.vehicles.find(({ name }) => name === 'Ambulance 99');
    if (vehicle === undefined) throw new Error('the vehicle is not there');
    fixture.world.enrol(vehicle);
    await page.waitForSelector('.enrolled:has-text("The device has enrolled.")', WAIT);
    expect(await page.$('.command')).toBeNull();
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('never shows old data as live, and says when it polls', async () => {
    const { page, context } = await open();
    await logIn(page);
    await page.waitForSelector('.pill-live', WAIT);
    fixture.setReachable(false);
    await page.waitForSelector('.banner-bad:has-text("Connection lost")', WAIT);
    await page.waitForFunction(() => document.querySelectorAll('.pill-live').length === 0, undefined, WAIT);
    expect(await page.$$('.pill-unknown')).not.toHaveLength(0);
    fixture.setWebSockets(false);
    fixture.setReachable(true);
    await page.waitForSelector('.banner-warn:has-text("every 5 seconds")', WAIT);
    await page.waitForSelector('.pill-live', WAIT);
    fixture.setWebSockets(true);
    await page.click('text=Try the live feed');
    await page.waitForSelector('.feed-light-live', WAIT);
    await page.waitForFunction(() => document.querySelector('.banner') === null, undefined, WAIT);
    await context.close();
  });

  it('stays quick with 1,000 vehicles', async () => {
    const big = await startFixture({ dist: built.dist, vehicles: 1000 });
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const { page, complaints } = await watchedPage(context, big.url);
    await page.goto(`${big.url}/?view=list`);
    await logIn(page);
    await page.waitForSelector('.vrow', WAIT);
    // Rows outside of the window do not exist: the work does not grow with the fleet.
    expect(await page.locator('.vrow').count()).toBeLessThan(40);
    await page.getByLabel('Search vehicles').fill('ambulance 777');
    await page.waitForFunction(() => document.querySelectorAll('.vrow').length === 1, undefined, WAIT);
    expect(await page.textContent('.vrow-link')).toBe('Ambulance 777');
    expect(complaints).toEqual([]);
    await context.close();
    await big.close();
  });
});
