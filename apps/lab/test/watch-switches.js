/* Runs in the page: waits for a switch away from a silent link to appear in the timeline after the next click, and counts the time
   until the frame that shows it. The answer is in window.seenSwitch. */
window.watchSwitches = (link) => {
  const list = document.querySelector('ol.events');
  const known = new Set([...list.children].map((item) => item.textContent));
  const away = new RegExp(`^[^→]*${link}[^→]* → (?!.*${link})`);
  window.seenSwitch = new Promise((resolve) => {
    let clickedMs;
    const onClick = () => {
      clickedMs = performance.now();
    };
    document.addEventListener('click', onClick, { capture: true, once: true });
    const observer = new MutationObserver(() => {
      // Others happen on a drive, too: this one is about silence.
      const isNew = (item) =>
        !known.has(item.textContent) &&
        away.test(item.querySelector('strong').textContent) &&
        /silent|silence|no acknowledgement|down/.test(item.querySelector('.event-detail')?.textContent ?? '');
      const fresh = [...list.children].find(isNew);
      if (fresh === undefined || clickedMs === undefined) return;
      observer.disconnect();
      const part = (name) => fresh.querySelector(name)?.textContent ?? '';
      const text = `${part('.event-head')}: ${part('.event-detail')}`;
      requestAnimationFrame(() => resolve({ text, ms: performance.now() - clickedMs }));
    });
    observer.observe(list, { childList: true, subtree: true });
  });
};
