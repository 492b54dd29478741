// The tab of photos: filters in the address, the grid, its keys and its bar.
import { api } from './api.js';
import { $, notice } from './dom.js';
import { count } from './format.js';
import { Grid } from './grid.js';
import { offer, showActions, wireActions } from './labelling.js';
import { say } from './pending.js';
import { SIDE } from './photo_cell.js';
import { PhotoList } from './photos.js';
import { Sheets } from './sheets.js';
import { FixedPhotos, Viewer } from './viewer.js';
import { fill, gettext } from './words.js';

const FILTERS = { label: '', finding: '', split: '', excluded: '0' };

function fromAddress(form) {
  const asked = new URLSearchParams(location.search);
  const filter = {};
  for (const [name, usual] of Object.entries(FILTERS)) {
    const field = form.elements[name];
    field.value = asked.get(name) ?? usual;
    if (field.selectedIndex < 0) field.value = usual; // a class or kind that is no more
    filter[name] = field.value;
  }
  return filter;
}

function toAddress(filter) {
  const said = Object.entries(filter).filter(([name, value]) => value !== FILTERS[name]);
  history.pushState(null, '', `?${new URLSearchParams([['tab', 'photos'], ...said])}`);
}

/** What the grid's commands are about. */
function targetOf(grid, list) {
  const progress = (done) => say(fill(gettext('Reading the list, %(done)s so far…'), { done: count(done) }));
  return {
    count: () => grid.targets().length,
    rows: () => list.rowsOf(grid.targets(), grid.chosen, progress),
    patch: (rows, change) => list.patch(rows, change),
    advance: (gone) => grid.advance(gone),
  };
}

export function start({ url, data, editor, pending }) {
  const form = $('filters');
  const bar = $('actions');
  const list = new PhotoList(url);
  const sheets = new Sheets(url, devicePixelRatio > 1.3 ? 160 : SIDE, () => grid.draw());
  const viewer = new Viewer(url, data.kinds, editor);
  const grid = new Grid($('grid'), list, sheets, {
    titles: data.kinds,
    onOpen: (place) => open(place),
    onChosen: () => showActions(bar, grid.chosen.size, grid.chosenText()),
  });
  const target = targetOf(grid, list);
  const source = {
    target,
    get item() { return list.items[grid.active]; },
    step: (by) => grid.go(grid.active + by),
  };

  function open(place) {
    grid.choose([]);
    grid.go(place);
    viewer.open(source);
  }

  function show() {
    grid.reset();
    sheets.failed.clear();
    const filter = fromAddress(form);
    offer(bar, { exclude: filter.excluded !== '1', restore: filter.excluded !== '0' });
    list.show(filter);
  }

  list.addEventListener('change', () => {
    $('photos-count').textContent = list.total === null ? '' : count(list.total);
    $('grid').hidden = list.total === 0;
    $('grid-empty').hidden = list.total !== 0;
    if (viewer.isOpen) viewer.show();
  });
  list.addEventListener('failed', (event) => notice(event.detail));
  pending.addEventListener('undone', () => list.refresh());
  form.addEventListener('change', () => {
    toAddress(Object.fromEntries(new FormData(form)));
    show();
  });
  form.addEventListener('submit', (event) => event.preventDefault());
  addEventListener('popstate', show);
  bar.closest('section').addEventListener('keydown', (event) => editor.key(event, target));
  wireActions(bar, editor, target, { open: () => open(grid.targets()[0]), clear: () => grid.choose([]) });
  $('keys-open').addEventListener('click', () => editor.run('keys', target));
  show();
  const asked = new URLSearchParams(location.search).get('photo'); // a link from the evaluation of a model
  if (asked) openOne(url, asked, viewer, () => list.refresh());
}

async function openOne(url, row, viewer, onEdit) {
  try {
    const { items } = await api(`${url}/images?${new URLSearchParams({ row, excluded: 'all' })}`);
    viewer.open(new FixedPhotos(items, onEdit));
  } catch (error) {
    notice(error.message);
  }
}
