// Live page of a search: a snapshot from the server, then events over the websocket. Each event costs the same,
// however many networks there are; what is dear is drawn at most once a second.
import { api } from './lib/api.js';
import { AXES } from './lib/axes.js';
import { AxisSwitch } from './lib/axis_switch.js';
import { showCandidate } from './lib/candidates.js';
import { wireControls } from './lib/controls.js';
import { saveCsv } from './lib/csv.js';
import { $, notice } from './lib/dom.js';
import { Eta } from './lib/eta.js';
import { Ghosts } from './lib/ghosts.js';
import { HoverCard, drawing } from './lib/hover_card.js';
import { LiveChart } from './lib/live_chart.js';
import { MethodCard } from './lib/method.js';
import { showModels } from './lib/models.js';
import { NetworkTable } from './lib/network_table.js';
import { OverTime } from './lib/over_time.js';
import { PlanCard } from './lib/plan_card.js';
import { wireDelete } from './lib/remove.js';
import { RunHead } from './lib/run_head.js';
import { RunState } from './lib/run_state.js';
import { RunSocket } from './lib/socket.js';
import { TellMe } from './lib/tell_me.js';
import { fill, gettext } from './lib/words.js';

const SHOW_EVERY = 250; // milliseconds between drawings of texts
const SPEAK_EVERY = 10000;
const AGAIN_AFTER = 3000;

const page = $('live');
const { run: runId } = page.dataset;
const base = `/api/v1/searches/${runId}`;
const summary = JSON.parse($('summary').textContent);
const state = new RunState({ run: summary, last_seq: 0, candidates: null, events: [], method: { steps: [], shares: {} } }, arrived);
const eta = new Eta();
const head = new RunHead(state, eta);
const card = new HoverCard($('hover-card'), runId);
const chart = new LiveChart($('chart'), {
  pick: open,
  hover: (number, x, y) => card.show(number === null ? null : state.networks.all.get(number), axes.axis, x + chart.plot.over.offsetLeft, y + chart.plot.over.offsetTop),
  zoom: (zoomed) => { $('zoom-out').hidden = !zoomed; },
});
const axes = new AxisSwitch($('axis'), showAll);
const ghosts = new Ghosts(base, (shown) => chart.compare(shown));
const table = new NetworkTable(
  {
    body: $('candidates'),
    head: $('candidates-head'),
    pages: { previous: $('page-previous'), next: $('page-next'), where: $('page-where') },
    from: $('filter-from'),
    front: $('filter-front'),
    words: $('filter-words'),
  },
  { standing, onFront: (number) => chart.front.has(number), pick: open },
);
const overTime = new OverTime();
const method = new MethodCard($('method'));
const planCard = new PlanCard();
const tellMe = new TellMe(runId, summary.name);
let pending = false;
let catching = null;
let examples = []; // networks that tell which axes can be shown
let loaded = false;
let wasEnded = state.ended;

function standing(one) {
  if (one.status === 'failed') return gettext('failed');
  const by = state.networks.superseded.get(one.number);
  if (by !== undefined) return fill(gettext('trained further as #%(n)s'), { n: by });
  return chart.front.has(one.number) ? gettext('on the front') : '';
}

/** Opens the sheet of a network; its architecture comes from the server. */
async function open(number) {
  try {
    const one = await api(`${base}/candidates/${number}`);
    showCandidate($('candidate'), one, drawing(runId, number));
  } catch (error) {
    notice(error.message);
  }
}

/** Draws all networks for the chosen axis: at the start, and when someone chooses another one. */
function showAll() {
  axes.show(examples);
  chart.show(state.networks, axes.axis, axes.log);
  $('chart-empty').hidden = state.networks.first !== null;
  table.show(state.networks);
  overTime.load(state.networks, axes.axis);
  ghosts.show(axes.axis);
}

/** Keeps a network as an example if it is the first, or the first whose cost on an axis is not known. */
function exemplify(one) {
  if (!one.metrics) return false;
  const dark = (axis) => axis.cost(one.metrics) == null && !examples.some((other) => axis.cost(other.metrics) == null);
  if (examples.length && !AXES.some(dark)) return false;
  examples.push(one);
  return true;
}

/** Takes in a network that has just come. */
function arrived(one, change) {
  eta.finished(one.seconds);
  const before = axes.axis;
  if (exemplify(one)) axes.show(examples);
  if (change.refit || axes.axis !== before || !chart.networks) {
    showAll();
    return;
  }
  chart.add(one, change);
  $('chart-empty').hidden = state.networks.first !== null;
  table.add(one, change.gone);
  overTime.add(one, state.networks);
}

function draw() {
  pending = false;
  head.show(chart.front.on.size);
  method.show(state.method);
  planCard.show(state.plan);
  if (state.ended === wasEnded) return;
  if (state.ended && loaded) tellMe.ended(state.run.state);
  else tellMe.show(state.ended);
  wasEnded = state.ended;
}

function changed() {
  if (pending) return;
  pending = true;
  setTimeout(draw, SHOW_EVERY);
}

const refreshModels = () => showModels(base, state.networks.all).catch((error) => notice(error.message));

function take(event) {
  const known = state.apply(event);
  if (known === null) {
    catchUp();
    return;
  }
  if (!known) return;
  if (event.kind === 'progress') eta.progressed(Date.parse(event.created_at), event.payload.spent_seconds);
  if (['model_exported', 'model_completed', 'run_finished'].includes(event.kind)) refreshModels();
  changed();
}

/** Fetches what is missing between the last event here and the newest one on the server. */
async function catchUp() {
  if (catching) return;
  catching = (async () => {
    for (;;) {
      const { items: events, last_seq: newest } = await api(`${base}/events?after=${state.lastSeq}&limit=500&compact=true`);
      for (const event of events) take(event);
      if (!events.length || state.lastSeq >= newest) return;
    }
  })();
  try {
    await catching;
  } catch {
    setTimeout(catchUp, AGAIN_AFTER);
  } finally {
    catching = null;
  }
}

/** Takes the server's state of the run, without turning the figures of newer events back. */
function takeRun({ type, ...run }) {
  Object.assign(state.run, run);
  if (['PAUSED', 'QUEUED'].includes(run.state)) eta.rest();
  if (state.ended) {
    if (run.last_seq > state.lastSeq) catchUp();
    else socket?.finish();
    refreshModels();
  }
  changed();
}

async function takeSnapshot() {
  const snapshot = await api(location.pathname);
  state.load(snapshot);
  eta.rest();
  for (const { at, spent_seconds: spent } of snapshot.pace) eta.progressed(Date.parse(at), spent);
  examples = [];
  for (const one of state.networks.all.values()) exemplify(one);
  for (const one of [...state.networks.all.values()].slice(-50)) eta.finished(one.seconds);
  showAll();
  head.forgetLog();
  if (!loaded) wasEnded = state.ended;
  tellMe.show(state.ended);
  loaded = true;
  page.dataset.loaded = 'yes';
  await refreshModels();
  changed();
}

let socket = null;

async function begin() {
  try {
    await takeSnapshot();
  } catch (error) {
    notice(error.message);
    setTimeout(begin, AGAIN_AFTER);
    return;
  }
  if (socket) socket.restart();
  else socket = connect();
}

const LIGHTS = { on: gettext('Live'), wait: gettext('Reconnecting; the search goes on'), over: gettext('Finished') };

function connect() {
  return new RunSocket(
    (after) => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/searches/${runId}/?after=${after}`,
    {
      after: () => state.lastSeq,
      over: () => state.ended,
      light: (name) => {
        $('light').dataset.state = name;
        $('light').textContent = LIGHTS[name];
      },
      message: (data) => {
        if (data.type === 'event') take(data);
        else if (data.type === 'state') takeRun(data);
        else if (data.type === 'snapshot_needed') begin();
      },
    },
  );
}

wireControls(base, takeRun);
wireDelete($('delete'), $('delete-dialog'), base, '/searches/');
$('zoom-out').addEventListener('click', () => chart.reset());
$('candidates-csv').addEventListener('click', () => saveCsv('networks.csv', table.rows()));

// The spoken twin of the chart: one sentence, at most every ten seconds.
let spoken = '';
setInterval(() => {
  const sentence = head.sentence();
  if (sentence !== spoken && !state.ended) $('spoken').textContent = sentence;
  spoken = sentence;
}, SPEAK_EVERY);

draw();
begin();
