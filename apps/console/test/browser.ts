import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** A Chromium of the machine; undefined where there is none. `CORRIDOR_CHROMIUM` names another. */
export const CHROMIUM = [
  process.env.CORRIDOR_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));

export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM as string,
    // Quiet towards the network, and WebGL without a graphics card.
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
    ],
  });
}

/** A page that remembers everything it should not have done: errors on the console, requests to other origins. */
export async function watchedPage(
  context: BrowserContext,
  origin: string,
): Promise<{ page: Page; complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    const { url } = message.location();
    // The one way to learn that nobody is logged in is to be refused.
    const isLoginProbe = url.endsWith('/api/v1/session') && message.text().includes('401');
    if (message.type() === 'error' && !isLoginProbe) complaints.push(`console: ${message.text()} (${url})`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) complaints.push(`request to ${url}`);
  });
  return { page, complaints };
}

/** What is wrong with the page for people who do not see it or do not use a mouse; an empty list when nothing is. */
export function accessibilityFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const faults: string[] = [];
    const isShown = (element: Element) =>
      element.checkVisibility({ visibilityProperty: true }) && element.closest('[aria-hidden="true"]') === null;
    const nameOf = (element: Element): string => {
      const by = element.getAttribute('aria-labelledby');
      const labels = (element as HTMLInputElement).labels;
      return [
        element.getAttribute('aria-label'),
        by === null ? '' : (document.getElementById(by)?.textContent ?? ''),
        labels === null || labels === undefined ? '' : [...labels].map((label) => label.textContent).join(' '),
        element.textContent,
        element.getAttribute('alt'),
      ]
        .filter(Boolean)
        .join(' ')
        .trim();
    };
    const say = (element: Element, what: string) => faults.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
    for (const element of document.querySelectorAll(
      'button, a[href], input, select, textarea, [role="slider"], [role="tab"], [role="img"], img, dialog[open], summary',
    )) {
      if (isShown(element) && nameOf(element) === '') say(element, 'has no name');
    }
    const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
    for (const id of new Set(ids))
      if (ids.filter((other) => other === id).length > 1) faults.push(`the id ${id} is there twice`);
    for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls']) {
      for (const element of document.querySelectorAll(`[${attribute}]`)) {
        for (const id of (element.getAttribute(attribute) as string).split(' '))
          if (isShown(element) && document.getElementById(id) === null) say(element, `${attribute} points nowhere`);
      }
    }
    if (document.querySelectorAll('h1').length !== 1)
      faults.push(`has ${document.querySelectorAll('h1').length} first headings`);
    if (document.querySelectorAll('main').length !== 1) faults.push('has not exactly one main part');
    if (document.documentElement.lang === '') faults.push('says no language');
    if (document.documentElement.scrollWidth > window.innerWidth + 1)
      faults.push(`is ${document.documentElement.scrollWidth} px wide in a window of ${window.innerWidth}`);

    const colour = (text: string): [number, number, number, number] => {
      const canvas = document.createElement('canvas');
      canvas.width = canvas.height = 1;
      const context = canvas.getContext('2d') as CanvasRenderingContext2D;
      context.fillStyle = text;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data as unknown as [number, number, number, number];
      return [r, g, b, a / 255];
    };
    const luminance = ([r, g, b]: readonly number[]) => {
      const [x, y, z] = [r, g, b].map((c) =>
        (c as number) / 255 <= 0.04045 ? (c as number) / 255 / 12.92 : (((c as number) / 255 + 0.055) / 1.055) ** 2.4,
      ) as [number, number, number];
      return 0.2126 * x + 0.7152 * y + 0.0722 * z;
    };
    const seen = new Set<string>();
    for (const element of document.querySelectorAll('main *, .bar *, .banner *')) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent?.trim());
      if (!hasText || !isShown(element) || element.closest('svg, .map, button:disabled, .visually-hidden') !== null)
        continue;
      let behind: Element | null = element;
      while (behind !== null && colour(getComputedStyle(behind).backgroundColor)[3] < 0.99)
        behind = behind.parentElement;
      const style = getComputedStyle(element);
      const [front, back] = [
        colour(style.color),
        behind === null ? [255, 255, 255] : colour(getComputedStyle(behind).backgroundColor),
      ];
      const [high, low] = [luminance(front), luminance(back)].sort((a, b) => b - a) as [number, number];
      const ratio = (high + 0.05) / (low + 0.05);
      const key = `${element.className} ${ratio.toFixed(2)}`;
      if (ratio < 4.5 && !seen.has(key)) {
        seen.add(key);
        say(element, `text has a contrast of ${ratio.toFixed(2)}`);
      }
    }
    return faults;
  });
}
