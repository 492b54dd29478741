// Live page of a search: a snapshot from the server, then events over the websocket.
import { api } from './lib/api.js';
import { AxisSwitch } from './lib/axis_switch.js';
import { FrontChart, currentOf, pointsOf, supersededBy } from './lib/chart.js';
import { fillTable, showCandidate } from './lib/candidates.js';
import { $, confirmIn, el, icon, notice } from './lib/dom.js';
import { fitting } from './lib/fits.js';
import { wireDelete } from './lib/remove.js';
import { bytes, count, duration, ms, percent } from './lib/format.js';
import { MethodCard } from './lib/method.js';
import { PHASES, RunState } from './lib/run_state.js';
import { RunSocket } from './lib/socket.js';

const page = $('live');
const base = `/api/v1/searches/${page.dataset.run}`;
const state = new RunState(JSON.parse($('snapshot').textContent));
const chart = new FrontChart($('chart'), (number) => showCandidate($('candidate'), state.candidates.get(number)));
const axes = new AxisSwitch($('axis'), () => {
  state.drawn = null;
  draw();
});
const method = new MethodCard($('method'));
let pending = false;
let catching = null;

function text(id, value) {
  if ($(id).textContent !== value) $(id).textContent = value;
}

const STATES = {
  QUEUED: 'Waiting', RUNNING: 'Running', STOPPING: 'Stopping', DONE: 'Finished', STOPPED: 'Stopped', FAILED: 'Failed',
};

function showHead(run) {
  $('state').className = `state state-${run.state}`;
  text('state', STATES[run.state] ?? run.state);
  $('stop').hidden = !['QUEUED', 'RUNNING'].includes(run.state);
  $('stopping').hidden = run.state !== 'STOPPING';
  const empty = run.state === 'STOPPED' && state.candidates.size === 0;
  $('resume').hidden = !(run.state === 'FAILED' || empty);
  const finished = run.state === 'DONE' || (run.state === 'STOPPED' && !empty);
  $('to-result').hidden = !finished;
  $('finished').hidden = !finished;
  text('finished-text', run.state === 'STOPPED' ? 'Stopped. The best networks so far are kept.' : 'The search is finished.');
  $('delete').hidden = !state.ended;
  $('failed').hidden = run.state !== 'FAILED';
  if (run.state === 'FAILED') text('failed-text', run.error || 'The search failed. Start a new one; if it fails again, look into the log of the server.');
}

function showProgress(run) {
  const share = state.ended ? 1 : Math.min(1, run.progress ?? 0);
  $('progress').value = Math.round(100 * share);
  let left = 'Working out the time…';
  if (run.state === 'QUEUED') {
    left = run.queue_position > 1 ? `Waiting: number ${run.queue_position} in the queue` : 'Waiting for a free worker';
  } else if (state.ended) left = STATES[run.state];
  else if (run.state === 'STOPPING') left = 'Keeping the best…';
  else if (run.eta_seconds != null && (run.progress ?? 0) > 0) left = `about ${duration(run.eta_seconds)}`;
  text('left', left);
  text('spent', `${duration(run.spent_seconds)} of ${duration(run.minutes * 60)} used`);
  text('doing', state.ended ? '' : run.message || '');
}

function showPhases() {
  for (const phase of PHASES) {
    const item = $(`phase-${phase}`);
    const known = state.phases.get(phase);
    const now = known === 'now' && state.run.phase === phase && !state.ended;
    const done = known === 'done' || (known === 'now' && !now);
    if (item.dataset.known === `${now}${done}`) continue;
    item.dataset.known = `${now}${done}`;
    item.className = now ? 'now' : done ? 'done' : '';
    if (now) item.setAttribute('aria-current', 'step');
    else item.removeAttribute('aria-current');
    item.querySelector('.ti').className = `ti ti-${now ? 'player-play' : done ? 'check' : 'circle'}`;
    item.querySelector('.visually-hidden').textContent = now ? ' (running)' : done ? ' (done)' : ' (still to come)';
  }
}

function showBest(points) {
  const best = [...fitting(points)].sort((a, b) => b.accuracy - a.accuracy || a.latency_ms - b.latency_ms)[0];
  text('best', best ? percent(best.accuracy) : '–');
  text('best-note', best ? `${best.label} · ${ms(best.latency_ms)}` : 'after the first model');
  $('best-note').title = best?.label ?? '';
  text('tried', count(state.candidates.size));
  const failed = [...state.candidates.values()].filter((one) => one.status === 'failed').length;
  const front = points.filter((point) => point.onFront).length;
  text('tried-note', `${front} on the front${failed ? `, ${failed} failed` : ''}`);
}

function showLog() {
  const list = $('log');
  const newest = Number(list.dataset.newest ?? 0);
  for (const line of state.log) {
    if (line.seq <= newest) continue;
    const time = line.at ? new Date(line.at) : null;
    list.prepend(el('li', {},
      el('time', { text: time ? time.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }) : '', datetime: line.at }),
      el('span', { text: line.text })));
    list.dataset.newest = line.seq;
  }
  while (list.children.length > 300) list.lastElementChild.remove();
  $('log-empty').hidden = list.children.length > 0;
}

function draw() {
  pending = false;
  showHead(state.run);
  showProgress(state.run);
  showPhases();
  showLog();
  method.show(state.method);
  const candidates = [...state.candidates.values()];
  const stamp = `${candidates.length}:${state.lastCandidate ?? 0}`;
  if (stamp !== state.drawn) {
    state.drawn = stamp;
    axes.show(currentOf(candidates));
    const points = pointsOf(candidates, axes.axis);
    chart.show(points, axes.axis, axes.log);
    showBest(points);
    fillTable($('candidates'), candidates, points, supersededBy(candidates), (one) => showCandidate($('candidate'), one));
    $('table-empty').hidden = candidates.length > 0;
  }
}

// At most four drawings a second, however fast events come in.
function changed() {
  if (pending) return;
  pending = true;
  setTimeout(draw, 250);
}

async function showModels() {
  const models = await api(`${base}/models`);
  const accuracy = (model) => state.candidates.get(model.candidate)?.metrics?.accuracy ?? 0;
  models.sort((a, b) => accuracy(b) - accuracy(a));
  $('models-empty').hidden = models.length > 0;
  $('models').replaceChildren(...models.map((model) => {
    const size = model.files.find((file) => file.name === 'model.onnx')?.bytes;
    return el('li', { class: 'list-group-item d-flex flex-wrap justify-content-between align-items-center gap-2' },
      el('span', { class: 'text-break' }, el('strong', { text: state.candidates.get(model.candidate)?.label ?? model.name }), el('br'),
        el('span', { class: 'text-quiet', text: [percent(accuracy(model)), size && bytes(size)].filter(Boolean).join(', ') })),
      el('span', { class: 'd-flex gap-2' },
        el('a', { class: 'btn btn-sm btn-outline-primary', download: true, href: `${base}/models/${model.id}/files/model.onnx` }, icon('download'), 'ONNX'),
        el('a', { class: 'btn btn-sm btn-outline-secondary', download: true, href: `${base}/models/${model.id}/bundle.zip` }, icon('file-zip'), 'All files')));
  }));
}

const refreshModels = () => showModels().catch((error) => notice(error.message));

function take(event) {
  const known = state.apply(event);
  if (known === null) {
    catchUp();
    return;
  }
  if (!known) return;
  if (event.kind === 'candidate_finished') state.lastCandidate = event.seq;
  if (['model_exported', 'model_completed', 'run_finished'].includes(event.kind)) refreshModels();
  changed();
}

/** Fetches what is missing between the last event here and the newest one on the server. */
async function catchUp() {
  if (catching) return;
  catching = (async () => {
    for (;;) {
      const { events, last_seq: newest } = await api(`${base}/events?after=${state.lastSeq}&limit=500`);
      for (const event of events) take(event);
      if (!events.length || state.lastSeq >= newest) return;
    }
  })();
  try {
    await catching;
  } catch {
    setTimeout(catchUp, 3000);
  } finally {
    catching = null;
  }
}

/** Takes the server's state of the run, without turning the figures of newer events back. */
function takeState({ type, ...run }) {
  Object.assign(state.run, run);
  if (state.ended) {
    if (run.last_seq > state.lastSeq) catchUp();
    else socket.finish();
    refreshModels();
  }
  changed();
}

async function takeSnapshot() {
  state.load(await api(location.pathname));
  state.drawn = null;
  $('log').replaceChildren();
  $('log').dataset.newest = 0;
  await refreshModels();
  changed();
  socket.restart();
}

const retrySnapshot = () => takeSnapshot().catch(() => setTimeout(retrySnapshot, 3000));

const LIGHTS = { on: 'Live', wait: 'Reconnecting; the search goes on', over: 'Finished' };

const socket = new RunSocket(
  (after) => `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/searches/${page.dataset.run}/?after=${after}`,
  {
    after: () => state.lastSeq,
    over: () => state.ended,
    light: (name) => {
      $('light').dataset.state = name;
      text('light', LIGHTS[name]);
    },
    message: (data) => {
      if (data.type === 'event') take(data);
      else if (data.type === 'state') takeState(data);
      else if (data.type === 'snapshot_needed') retrySnapshot();
    },
  },
);

$('stop').addEventListener('click', async () => {
  if (!(await confirmIn($('stop-dialog')))) return;
  $('stop').disabled = true;
  try {
    await api(`${base}/stop`, { method: 'POST' });
    if (state.run.state === 'RUNNING') state.run.state = 'STOPPING';
  } catch (error) {
    notice(error.message);
  }
  $('stop').disabled = false;
  changed();
});

$('resume').addEventListener('click', async () => {
  try {
    await api(`${base}/resume`, { method: 'POST' });
    location.reload();
  } catch (error) {
    notice(error.message);
  }
});

wireDelete($('delete'), $('delete-dialog'), base, '/searches/');

// The spoken twin of the chart: one sentence, at most every ten seconds.
let spoken = '';
setInterval(() => {
  const sentence = `${state.candidates.size} networks tried, best ${$('best').textContent} right, ${$('left').textContent}.`;
  if (sentence !== spoken && !state.ended) text('spoken', sentence);
  spoken = sentence;
}, 10000);

refreshModels();
draw();
