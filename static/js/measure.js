// The page that a device opens to be measured. Its link is its only permission: no request carries a cookie.
import { errorText } from './lib/api.js';
import { $ } from './lib/dom.js';
import { percent, timeLeft } from './lib/format.js';
import { browser, graphics, hardware } from './lib/this_browser.js';
import { fill, gettext } from './lib/words.js';

const TELL_MS = 2000;
const ATTEMPTS = 4;
const MOST_THREADS = 8;

const place = $('measure').dataset;
const absolute = (path) => new URL(path, location.href).href;
let worker = null;
let going = null; // an AbortController, of the measurement that was begun last
let lock = null;
let told = 0;
let spoken = -1;
let timings = null; // measured and not yet accepted by the server's line

class Refusal extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

/** One request of the link. */
async function ask(what, body, signal) {
  let answer;
  try {
    answer = await fetch(place.address + what, {
      method: body === undefined ? 'GET' : 'POST',
      credentials: 'omit',
      cache: 'no-store',
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch {
    throw new Refusal(gettext('The server cannot be reached. Check that this device is still in its network.'), 0);
  }
  if (!answer.ok) throw new Refusal(errorText(answer.status, await answer.text()), answer.status);
  return answer;
}

function show(title, { running = false, problem = '', done = '', again = '' }) {
  $('measure-title').textContent = title;
  $('advice').hidden = running || Boolean(done);
  $('options').hidden = running || Boolean(done);
  $('running').hidden = !running;
  $('stop').hidden = !running;
  $('enough').hidden = true;
  $('start').hidden = running || Boolean(done);
  $('start').lastElementChild.textContent = again || gettext('Start');
  $('left').textContent = '';
  for (const [id, text] of [['problem', problem], ['done', done]]) {
    $(id).textContent = text;
    $(id).hidden = !text;
  }
}

function end() {
  going?.abort();
  worker?.terminate();
  worker = null;
  lock?.release().catch(() => {});
  lock = null;
}

function fail(text, again = gettext('Try again')) {
  end();
  show(gettext('It did not work'), { problem: text, again });
  $('start').focus();
}

async function keepAwake({ signal }) {
  // Only over https or on the machine itself; elsewhere the advice to leave the screen on has to do.
  let mine = null;
  try { mine = await navigator.wakeLock.request('screen'); } catch { return; }
  if (signal.aborted) mine.release().catch(() => {});
  else lock = mine;
}

async function tell(share, left) {
  if (performance.now() - told < TELL_MS) return;
  told = performance.now();
  try {
    await ask('progress/', { progress: share, eta_seconds: left });
  } catch (error) {
    // A lost message is no harm, a link that was ended is.
    if (worker && [404, 409, 410].includes(error.status)) fail(error.message);
  }
}

function progress({ share, left, rounds }) {
  $('progress').value = Math.round(1000 * share);
  $('left').textContent = left === null ? gettext('working out the time') : timeLeft(left);
  $('doing').textContent = rounds ? fill(gettext('Round %(rounds)s: the same networks again, so that a disturbance does not count.'), { rounds: rounds + 1 }) : gettext('Round 1: running small networks, one after the other.');
  $('enough').hidden = !rounds;
  const tenth = Math.floor(10 * share);
  if (tenth !== spoken) {
    spoken = tenth;
    $('spoken').textContent = fill(gettext('%(part)s measured.'), { part: percent(tenth / 10, 0) });
  }
  tell(share, left);
}

const rest = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function send() {
  show(gettext('Sending the result'), { running: true });
  $('stop').hidden = true;
  $('progress').value = 1000;
  $('doing').textContent = gettext('Sending…');
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { text } = await (await ask('timings/', timings)).json();
      timings = null;
      end();
      show(gettext('Done'), { done: fill(gettext('%(text)s You can close this page.'), { text }) });
      $('measure-title').focus();
      return;
    } catch (error) {
      if (error.status === 0 && attempt < ATTEMPTS) {
        await rest(1000 * 2 ** attempt);
        continue;
      }
      if (error.status === 0) {
        fail(error.message, gettext('Send again'));
        return;
      }
      timings = null;
      fail(error.message, gettext('Measure again'));
      return;
    }
  }
}

async function measure() {
  going = new AbortController();
  const { signal } = going; // whatever is awaited, the person may have stopped meanwhile
  show(gettext('Measuring'), { running: true });
  $('progress').removeAttribute('value');
  $('doing').textContent = gettext('Loading…');
  $('measure-title').focus();
  await keepAwake(going);
  if (signal.aborted) return;
  let bundle;
  try {
    bundle = await (await ask('bundle/', undefined, signal)).arrayBuffer();
  } catch (error) {
    if (!signal.aborted) fail(error.message);
    return;
  }
  const device = { name: place.name, hardware: await hardware(), runtime: browser() };
  if (signal.aborted) return;
  const provider = $('engine').value;
  if (provider === 'webgpu') device.hardware = `${$('engine').selectedOptions[0].dataset.name}; ${device.hardware}`;
  worker = new Worker(place.worker, { type: 'module' });
  worker.onerror = () => fail(gettext('This browser cannot run the measurement. Bring it up to date, or try another one on this device.'));
  worker.onmessage = ({ data }) => {
    if (signal.aborted) return;
    if (data.kind === 'progress') progress(data);
    else if (data.kind === 'result') {
      timings = data.timings;
      send();
    } else fail(fill(gettext('This browser cannot run the networks (%(text)s). Close other pages, or try another browser on this device.'), { text: data.text }));
  };
  const threads = provider === 'webgpu' ? 1 : Number($('threads').value);
  const [runtime, wasm] = provider === 'webgpu' ? [place.gpuRuntime, place.gpuWasm] : [place.runtime, place.wasm];
  worker.postMessage({ kind: 'start', bundle, runtime: absolute(runtime), wasm: absolute(wasm), threads, provider, device }, [bundle]);
  visibility();
}

/** A hidden page is slowed down by its browser, so it waits. */
function visibility() {
  if (!worker) return;
  worker.postMessage({ kind: document.hidden ? 'pause' : 'resume' });
  if (document.hidden) $('left').textContent = gettext('waiting for this page to be in front');
  else if (!lock) keepAwake(going);
}

for (let n = 2; crossOriginIsolated && n <= Math.min(navigator.hardwareConcurrency ?? 1, MOST_THREADS); n *= 2) {
  $('threads').append(new Option(String(n), String(n)));
}
// Asked when the options are looked at: a browser without one complains in its console.
$('options').addEventListener('toggle', async () => {
  const name = await graphics();
  if (!name) return;
  const option = new Option(fill(gettext('Graphics processor (WebGPU: %(name)s)'), { name }), 'webgpu');
  option.dataset.name = name;
  $('engine').append(option);
  $('engine-field').hidden = false;
}, { once: true });
$('engine').addEventListener('change', () => { $('threads').disabled = $('engine').value === 'webgpu'; });
if (!crossOriginIsolated) $('threads-hint').textContent = gettext('More than one is possible over https only.');

$('start').addEventListener('click', () => (timings ? send() : measure()));
$('stop').addEventListener('click', () => {
  end();
  show(gettext('Stopped'), { again: gettext('Start again') });
  $('start').focus();
});
$('enough').addEventListener('click', () => worker?.postMessage({ kind: 'enough' }));
document.addEventListener('visibilitychange', visibility);
