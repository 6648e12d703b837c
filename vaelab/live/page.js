// Runs on the page of a panel, without a front-end extension; `this` is an image inside the panel.
// Without it every control works. It adds what only a page can know or do:
//   names and values for screen readers, an alt text that follows the picture, readouts that are
//   read out once they rest, keys that stay in the panel, and whether the page is dark.

const MOVES = {
  ArrowLeft: [-1, 0], ArrowDown: [-1, 0], '[': [-1, 0], ArrowRight: [1, 0], ArrowUp: [1, 0], ']': [1, 0],
  PageDown: [0, -0.1], PageUp: [0, 0.1], Home: [0, -1], End: [0, 1],  // steps, and shares of the track
};
const REST = 700;  // ms without a change after which a readout is read out

const set = (element, name, value) => {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
};

// Move a slider of ipywidgets 8 by its own interface: a front end may have taken the key before it came here.
const move = (handle, [steps, share]) => {
  const slider = handle.closest('.noUi-target');
  if (slider.hasAttribute('disabled')) return;
  const {range: {min, max}, step} = slider.noUiSlider.options, ends = [].concat(min, max);
  const unit = step || 1, page = Math.max(5 * unit, Math.round(Math.abs(share) * (ends[1] - ends[0]) / unit) * unit);
  const by = share ? Math.sign(share) * page : steps * unit;
  slider.noUiSlider.set(Math.min(ends[1], Math.max(ends[0], Number(slider.noUiSlider.get()) + by)));
};

// On the window, before the notebook: 'd d' on a slider deletes no cell, and arrow keys arrive everywhere.
const onKey = (event) => {
  const target = event.target, within = target.closest?.('.vaelab-panel');
  if (!within || event.ctrlKey || event.metaKey || event.altKey || target.matches(':read-write')) return;
  if (['Tab', 'Escape', 'Shift'].includes(event.key) || (event.key === 'Enter' && event.shiftKey)) return;
  const handle = target.closest('.noUi-handle');
  if (handle && handle.closest('.noUi-target').noUiSlider) {
    if (MOVES[event.key]) {
      move(handle, MOVES[event.key]);
      event.preventDefault();
    }
    event.stopPropagation();
  } else if (!target.closest('.ui-slider-handle')) {  // a list or a button acts without a listener
    event.stopPropagation();
  }
};

const isDark = (panel) => {
  const body = document.body, light = body.dataset.jpThemeLight;
  if (light) return light === 'false';
  if (body.matches('.vscode-light, .vscode-high-contrast-light')) return false;
  if (body.matches('.vscode-dark, .vscode-high-contrast')) return true;
  if (document.documentElement.matches('[theme=dark]')) return true;  // Colab
  for (let e = panel; e; e = e.parentElement) {
    const [r, g, b, a = 1] = getComputedStyle(e).backgroundColor.match(/[\d.]+/g).map(Number);
    if (a > 0.5) return 0.299 * r + 0.587 * g + 0.114 * b < 128;
  }
  return matchMedia('(prefers-color-scheme: dark)').matches;
};

// The kernel draws the picture for the page's theme; a click on a hidden button says which it is.
const followTheme = (panel) => {
  const button = panel.querySelector('.vaelab-theme'), dark = isDark(panel);
  panel.classList.toggle('vaelab-dark', dark);
  if (!button || panel.matches('.jupyter-widgets-disconnected')) return;
  if (button.classList.contains('mod-active') !== dark) button.click();
};

// What a screen reader reads; called after every change, before it reads.
const name = (panel) => {
  for (const slider of panel.querySelectorAll('.widget-slider')) {
    const handle = slider.querySelector('.noUi-handle, .ui-slider-handle');
    const label = slider.querySelector('.widget-label'), value = slider.querySelector('.widget-readout');
    if (!handle || !label || !value) continue;
    const disabled = Boolean(slider.querySelector('.noUi-target[disabled], .ui-slider-disabled'));
    set(handle, 'role', 'slider');
    set(handle, 'tabindex', '0');
    set(handle, 'aria-label', label.textContent);
    set(handle, 'aria-valuetext', value.textContent);
    set(handle, 'aria-disabled', String(disabled));
    set(handle, 'title', label.title);
    set(handle, 'aria-description', label.title);
    if (slider.matches('.vaelab-stops')) set(value, 'contenteditable', 'false');  // no stop of the key Tab
  }
  for (const button of panel.querySelectorAll('.widget-toggle-button')) {
    const pressed = String(button.classList.contains('mod-active'));
    set(button, button.matches('.vaelab-unfold') ? 'aria-expanded' : 'aria-pressed', pressed);
  }
  const alt = panel.querySelector('.vaelab-alt');
  if (alt) {
    set(alt, 'aria-hidden', 'true');  // it is read with the picture
    set(panel.querySelector('.vaelab-picture'), 'alt', alt.textContent.trim());
  }
};

// Let a screen reader read a text once it rests, or at once where its first word changes ("Paused").
const announce = (panel, selector, word) => {
  const region = panel.querySelector(`${selector} .widget-html-content`);
  if (!region || region.dataset.vaelab) return;
  region.dataset.vaelab = 'live';
  let last = region.textContent, timer = 0;
  const first = (text) => text.trim().split(/\W/, 1)[0];
  const rest = () => {
    set(region, 'aria-busy', 'false');
    region.append(...region.childNodes);  // a reader reads what is added
    changes.takeRecords();
  };
  const changes = new MutationObserver(() => {
    const text = region.textContent, at_once = word && first(text) !== first(last);
    if (text === last) return;
    last = text;
    set(region, 'aria-busy', 'true');
    clearTimeout(timer);
    timer = setTimeout(rest, at_once ? 0 : REST);
  });
  for (const [key, value] of [['aria-live', 'polite'], ['aria-atomic', 'true'], ['aria-busy', 'false']]) {
    set(region, key, value);
  }
  changes.observe(region, {childList: true, characterData: true, subtree: true});
};

const begin = (panel) => {
  if (!panel || panel.dataset.vaelab) return;
  panel.dataset.vaelab = 'live';
  const refresh = () => {
    name(panel);
    announce(panel, '.vaelab-readout', false);
    announce(panel, '.vaelab-status', true);
    announce(panel, '.vaelab-notes', false);
  };
  const attributeFilter = ['aria-valuetext', 'class', 'disabled', 'title'];
  new MutationObserver(refresh).observe(panel, {
    subtree: true, childList: true, characterData: true, attributes: true, attributeFilter,
  });
  // The slider of ipywidgets 7 takes the key itself; then the notebook must not have it.
  panel.addEventListener('keydown', (event) => {
    if (event.target.closest('.ui-slider-handle') && event.key !== 'Tab') event.stopPropagation();
  });
  refresh();
  followTheme(panel);
};

// Once a page: keys and theme. The script of the newest panel replaces that of an older version.
window.vaelab?.end();
const themed = () => document.querySelectorAll('.vaelab-panel').forEach(followTheme);
const scheme = matchMedia('(prefers-color-scheme: dark)'), themes = new MutationObserver(themed);
for (const element of [document.documentElement, document.body]) {
  themes.observe(element, {attributes: true, attributeFilter: ['class', 'theme', 'data-jp-theme-light']});
}
scheme.addEventListener('change', themed);
window.addEventListener('keydown', onKey, true);
window.vaelab = {end: () => {
  window.removeEventListener('keydown', onKey, true);
  scheme.removeEventListener('change', themed);
  themes.disconnect();
}};

// The front end puts the image into the panel a little later than it loads it.
const seek = (tries) => {
  const panel = this.closest('.vaelab-panel');
  if (panel?.isConnected && panel.querySelector('.widget-html-content')) begin(panel);
  if (tries > 0 && !panel?.dataset.vaelab) setTimeout(seek, 100, tries - 1);
};
seek(100);
