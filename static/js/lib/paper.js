// A page on paper: folded parts are opened, charts are drawn for the sheet in light colours, and all is put back afterwards.
const SHEET = { width: 680, height: 320 }; // CSS pixels: the width of a sheet of A4 between its margins
const KEPT_FOLDED = 'details[open], .menu, .files, #elsewhere details';

const opened = [];
let theme = null;

function sized(size) {
  for (const chart of document.querySelectorAll('.js-plotly-plot')) {
    if (chart.clientWidth) window.Plotly.relayout(chart, size ?? { width: null, height: null, autosize: true });
  }
}

/** Listeners of `paper` draw their charts before they return. */
function redraw() {
  document.dispatchEvent(new CustomEvent('paper'));
}

function prepare() {
  if (theme !== null) return;
  theme = document.documentElement.dataset.bsTheme ?? '';
  document.documentElement.dataset.bsTheme = 'light';
  document.documentElement.classList.add('on-paper');
  for (const details of document.querySelectorAll('details')) {
    if (details.matches(KEPT_FOLDED)) continue;
    details.open = true;
    opened.push(details);
  }
  for (const image of document.images) image.loading = 'eager';
  redraw();
  sized(SHEET);
}

function restore() {
  if (theme === null) return;
  if (theme) document.documentElement.dataset.bsTheme = theme;
  else delete document.documentElement.dataset.bsTheme;
  theme = null;
  document.documentElement.classList.remove('on-paper');
  for (const details of opened.splice(0)) details.open = false;
  redraw();
  sized(null);
}

/** Prepares the page whenever it is printed; `button` also waits for the photos that were not loaded yet. */
export function wirePaper(button) {
  addEventListener('beforeprint', prepare);
  addEventListener('afterprint', restore);
  button?.addEventListener('click', async () => {
    prepare();
    await Promise.allSettled([...document.images].filter((image) => image.checkVisibility()).map((image) => image.decode()));
    print();
  });
}
