// The map of the photos: Plotly draws a sample of what is in view, an outline chooses all points inside it.
import { api } from './api.js';
import { colour } from './colour.js';
import { $, el, notice } from './dom.js';
import { count } from './format.js';
import { offer, showActions, wireActions } from './labelling.js';
import { FixedPhotos, Viewer } from './viewer.js';
import { fill, gettext, ngettext } from './words.js';

const DRAWN = 3000; // SVG points; with 20,000 each zoom takes more than a second
const HUES = 6;
const SYMBOLS = ['circle', 'diamond']; // hue and shape together tell twelve classes apart
const GROUPS = HUES * SYMBOLS.length;
const WHOLE = { x: [-0.03, 1.03], y: [-0.03, 1.03] };

/** Every n-th, so that at most `limit` are left. */
function sample(list, limit) {
  if (list.length <= limit) return list;
  return Array.from({ length: limit }, (_, i) => list[Math.floor((i * list.length) / limit)]);
}

function insidePolygon(x, y, outline) {
  let inside = false;
  for (let i = 0, j = outline.x.length - 1; i < outline.x.length; j = i, i += 1) {
    const crosses = outline.y[i] > y !== outline.y[j] > y;
    if (crosses && x < ((outline.x[j] - outline.x[i]) * (y - outline.y[i])) / (outline.y[j] - outline.y[i]) + outline.x[i]) inside = !inside;
  }
  return inside;
}

const insideBox = (x, y, range) => x >= Math.min(...range.x) && x <= Math.max(...range.x) && y >= Math.min(...range.y) && y <= Math.max(...range.y);

class PhotoMap {
  constructor(url, answer, { onOpen, onChosen }) {
    const node = $('map');
    Object.assign(this, { url, node, onChosen });
    this.range = WHOLE;
    this.hidden = new Set();
    this.chosen = [];
    this.drag = 'zoom';
    this.load(answer);
    this.draw();
    this.legend();
    node.on('plotly_relayout', (change) => this.moved(change));
    node.on('plotly_selected', (event) => this.select(event));
    node.on('plotly_deselect', () => this.choose([]));
    node.on('plotly_click', (event) => event.points[0] && onOpen(event.points[0].customdata));
    node.on('plotly_hover', (event) => this.tip(event));
    node.on('plotly_unhover', () => { $('map-tip').hidden = true; });
    document.addEventListener('themechange', () => { this.draw(); this.legend(); });
    new ResizeObserver(() => window.Plotly.Plots.resize(node)).observe(node);
  }

  /** Points by class, the largest classes first; those beyond the twelfth share one group. */
  load({ rows, x, y, label, classes }) {
    const sizes = new Map();
    for (const one of label) sizes.set(classes[one], (sizes.get(classes[one]) ?? 0) + 1);
    const names = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a) || a.localeCompare(b));
    this.names = names.slice(0, names.length > GROUPS ? GROUPS - 1 : GROUPS);
    this.rest = names.length - this.names.length;
    this.points = rows.map((row, i) => ({ row, x: x[i], y: y[i], label: classes[label[i]] }));
  }

  groupOf({ label }) {
    const found = this.names.indexOf(label);
    return found < 0 ? this.names.length : found;
  }

  get shown() {
    return this.points.filter((point) => !this.hidden.has(this.groupOf(point)));
  }

  look(group) {
    if (group >= this.names.length) return { color: colour('--map-rest'), symbol: 'x' };
    return { color: colour(`--map-${group % HUES}`), symbol: SYMBOLS[Math.floor(group / HUES)] };
  }

  nameOf(group) {
    return this.names[group] ?? fill(ngettext('%(n)s other class', '%(n)s other classes', this.rest), { n: count(this.rest) });
  }

  draw() {
    const inView = this.shown.filter((point) => insideBox(point.x, point.y, this.range));
    const drawn = sample(inView, DRAWN);
    const groups = this.names.map((_, group) => group);
    if (this.rest) groups.push(this.names.length);
    const chosen = new Set(this.chosen);
    const traces = groups.map((group) => {
      const points = drawn.filter((point) => this.groupOf(point) === group);
      const picked = points.flatMap((point, i) => (chosen.has(point.row) ? [i] : []));
      return {
        type: 'scatter',
        mode: 'markers',
        x: points.map((point) => point.x),
        y: points.map((point) => point.y),
        customdata: points.map((point) => point.row),
        hoverinfo: 'none',
        marker: { ...this.look(group), size: 7, opacity: 0.8 },
        selectedpoints: chosen.size ? picked : null,
        unselected: { marker: { opacity: 0.15 } },
      };
    });
    window.Plotly.react(this.node, traces, this.layout(), { displayModeBar: false, scrollZoom: true, doubleClick: false, showTips: false });
    this.node.dataset.points = String(drawn.length);
    const part = drawn.length < inView.length ? fill(gettext('%(n)s of %(total)s photos in view are drawn; zoom in to see more.'), { n: count(drawn.length), total: count(inView.length) }) : fill(ngettext('%(n)s photo in view.', '%(n)s photos in view.', drawn.length), { n: count(drawn.length) });
    $('map-text').textContent = part;
  }

  layout() {
    const axis = { showgrid: false, zeroline: false, showticklabels: false, fixedrange: false, showline: true, mirror: true, linecolor: colour('--app-line') };
    return {
      paper_bgcolor: 'rgba(0,0,0,0)',
      plot_bgcolor: 'rgba(0,0,0,0)',
      margin: { l: 4, r: 4, t: 4, b: 4 },
      showlegend: false,
      hovermode: 'closest',
      dragmode: this.drag,
      newselection: { line: { color: colour('--app-ink'), width: 1.5, dash: 'dot' } },
      selections: [],
      xaxis: { ...axis, range: this.range.x },
      yaxis: { ...axis, range: this.range.y },
    };
  }

  moved(change) {
    const ends = ['xaxis.range[0]', 'xaxis.range[1]', 'yaxis.range[0]', 'yaxis.range[1]'].map((name) => change[name]);
    if (ends.every((end) => end === undefined)) return;
    const [x0, x1] = [ends[0] ?? this.range.x[0], ends[1] ?? this.range.x[1]];
    const [y0, y1] = [ends[2] ?? this.range.y[0], ends[3] ?? this.range.y[1]];
    this.range = { x: [x0, x1], y: [y0, y1] };
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.draw(), 150);
  }

  whole() {
    this.range = WHOLE;
    this.draw();
  }

  setDrag(drag) {
    this.drag = drag;
    window.Plotly.relayout(this.node, { dragmode: drag });
  }

  select(event) {
    if (!event?.range && !event?.lassoPoints) return;
    const inside = event.lassoPoints
      ? (point) => insidePolygon(point.x, point.y, event.lassoPoints)
      : (point) => insideBox(point.x, point.y, event.range);
    this.choose(this.shown.filter(inside).map((point) => point.row));
  }

  choose(rows) {
    this.chosen = rows;
    this.onChosen(rows.length);
    this.draw();
  }

  tip({ points: [point], event }) {
    const found = this.points.find((one) => one.row === point.customdata);
    if (!found) return;
    const tip = $('map-tip');
    const box = this.node.getBoundingClientRect();
    tip.firstElementChild.src = `${this.url}/thumbnails/${found.row}`;
    tip.lastElementChild.textContent = found.label;
    tip.style.left = `${Math.min(event.clientX - box.left + 14, box.width - 140)}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY - box.top + 14, box.height - 150))}px`;
    tip.hidden = false;
  }

  legend() {
    const groups = this.names.length + (this.rest ? 1 : 0);
    const sizes = Array.from({ length: groups }, () => 0);
    for (const point of this.points) sizes[this.groupOf(point)] += 1;
    $('map-legend').replaceChildren(...sizes.map((size, group) => {
      const mark = el('span', { class: `map-mark map-${this.look(group).symbol}`, 'aria-hidden': 'true' });
      mark.style.color = this.look(group).color;
      const button = el('button', { type: 'button', 'aria-pressed': String(!this.hidden.has(group)), title: this.nameOf(group) },
        mark, el('span', { class: 'text-clip', text: this.nameOf(group) }), el('span', { class: 'num text-quiet', text: count(size) }));
      button.addEventListener('click', () => this.toggle(group));
      return el('li', {}, button);
    }));
  }

  toggle(group) {
    if (!this.hidden.delete(group)) this.hidden.add(group);
    $('map-legend').children[group].firstElementChild.setAttribute('aria-pressed', String(!this.hidden.has(group)));
    this.draw();
  }

  /** Shows an edit at once. */
  patch(rows, { kind, label }) {
    const before = { points: this.points, chosen: this.chosen };
    const wanted = new Set(rows);
    if (kind === 'exclude') this.points = this.points.filter((point) => !wanted.has(point.row));
    if (kind === 'relabel') this.points = this.points.map((point) => (wanted.has(point.row) ? { ...point, label } : point));
    this.choose([]);
    return {
      gone: 0,
      back: () => Object.assign(this, before),
      settle: () => { this.draw(); this.legend(); },
    };
  }
}

function wireTools(map) {
  const tools = [...document.querySelectorAll('[data-drag]')];
  for (const tool of tools) {
    tool.addEventListener('click', () => {
      for (const one of tools) one.setAttribute('aria-pressed', String(one === tool));
      map.setDrag(tool.dataset.drag);
    });
  }
  $('map-reset').addEventListener('click', () => map.whole());
}

export async function start({ url, data, editor, pending }) {
  const answer = await api(`${url}/map`).catch((error) => notice(error.message));
  if (!answer?.rows.length) {
    $('map-text').textContent = gettext('There is no map yet. It is made by the checks; press “Check again” on the Overview.');
    $('map').hidden = true;
    return;
  }
  const viewer = new Viewer(url, data.kinds, editor);
  const open = async (row) => {
    try {
      // Rows count from 0 without gaps, so the place of a photo among all of them is its number.
      const { items } = await api(`${url}/images?excluded=all&offset=${row}&limit=1`);
      const source = new FixedPhotos(items);
      source.target.patch = (rows, change) => map.patch(rows, change);
      source.target.advance = () => viewer.dialog.close();
      viewer.open(source);
    } catch (error) {
      notice(error.message);
    }
  };
  const bar = $('actions');
  const map = new PhotoMap(url, answer, { onOpen: open, onChosen: (n) => showActions(bar, n) });
  const target = {
    count: () => map.chosen.length,
    rows: async () => map.chosen,
    patch: (rows, change) => map.patch(rows, change),
    advance: () => {},
  };
  wireTools(map);
  offer(bar, { exclude: true, restore: false });
  wireActions(bar, editor, target, { open: () => open(map.chosen[0]), clear: () => map.choose([]) });
  bar.closest('section').addEventListener('keydown', (event) => editor.key(event, target));
  pending.addEventListener('undone', async () => {
    map.load(await api(`${url}/map`));
    map.draw();
    map.legend();
  });
}
