// Try-it page: photos from files, the clipboard and the camera, answered by the model in this browser.
import { bars, ranked, sentence } from './lib/answers.js';
import { Camera } from './lib/camera.js';
import { $, notice } from './lib/dom.js';
import { decimal, ms } from './lib/format.js';
import { drawHere } from './lib/here_chart.js';
import { ModelWorker } from './lib/model_worker.js';
import { TryItem } from './lib/try_item.js';
import { fill, gettext } from './lib/words.js';

const MOST_PHOTOS = 100;
const facts = JSON.parse($('facts').textContent);
const data = $('try').dataset;
const items = [];
let ids = 0;
let here = null;
let measured = false;

const page = {
  worker: new ModelWorker(data.worker),
  facts,
  classes: JSON.parse($('classes').textContent),
  precision: 'fp32',
  removed(item) {
    items.splice(items.indexOf(item), 1);
    $('item-count').textContent = '';
    $('measure').disabled = answered().length === 0;
  },
};

const own = facts.points.find((point) => point.number === facts.number);
const answered = () => items.filter((item) => item.best);
const draw = () => drawHere($('here-chart'), facts.points, here);

/** Several runs of one photo: the point on the chart. */
async function measure(item) {
  const { precision } = page;
  $('measure').disabled = true;
  $('here-words').textContent = gettext('Measuring…');
  try {
    const { median, runs } = await page.worker.ask('time', { id: item.id, precision });
    const times = own ? fill(gettext('%(factor)s times as long as on the server'), { factor: decimal(median / own.here_ms) }) : '';
    $('here-words').textContent = [fill(gettext('%(time)s a photo on this device: the median of %(n)s runs, %(file)s.'), { time: ms(median), n: runs, file: facts.files[precision].split('/').pop() }), times && `${times}.`].filter(Boolean).join(' ');
    if (own && precision === 'fp32') {
      here = { ...own, ms: median };
      draw();
    }
    $('here').dataset.ms = String(median);
  } catch (error) {
    $('here-words').textContent = error.message;
  }
  $('measure').disabled = answered().length === 0;
}

async function take(files) {
  const pictures = [...files].slice(0, MOST_PHOTOS - items.length);
  if (pictures.length < files.length) notice(fill(gettext('%(n)s photos are shown at most. Remove some.'), { n: MOST_PHOTOS }));
  for (const file of pictures) {
    const item = new TryItem(ids, file, page);
    ids += 1;
    items.push(item);
    $('items').prepend(item.node);
    const ok = await item.classify();
    $('item-count').textContent = `${file.name}: ${item.title.textContent}`; // read out
    if (ok && !measured) {
      measured = true;
      await measure(item);
    }
  }
  $('measure').disabled = answered().length === 0;
}

const camera = new Camera($('video'), async (picture) => {
  try {
    const { values, milliseconds } = await page.worker.ask('classify', { picture, precision: page.precision }, [picture]);
    const best = ranked(values, facts.labels);
    $('live-said').textContent = sentence(best, facts.threshold);
    $('live-took').textContent = fill(gettext('%(time)s a picture'), { time: ms(milliseconds) });
    $('live-answers').replaceChildren(...bars(best));
    $('camera-panel').dataset.answers = String(Number($('camera-panel').dataset.answers ?? 0) + 1);
  } catch (error) {
    $('live-said').textContent = error.message;
  }
});

async function openCamera(act) {
  try {
    await act();
    $('camera-panel').hidden = false;
    $('camera').hidden = true;
    $('camera-panel').scrollIntoView({ block: 'nearest' });
  } catch (error) {
    closeCamera();
    notice(error.name === 'NotFoundError' || !navigator.mediaDevices
      ? gettext('There is no camera here, or the page was not opened over https. Choose a photo instead.')
      : gettext('The camera could not be opened. Allow it in the browser, or choose a photo.'));
  }
}

function closeCamera() {
  camera.close();
  $('camera-panel').hidden = true;
  $('camera').hidden = false;
}

function listen() {
  $('choose').addEventListener('click', () => $('file').click());
  $('file').addEventListener('change', ({ target }) => { take(target.files); target.value = ''; });
  $('camera').addEventListener('click', () => openCamera(() => camera.open()));
  $('camera-switch').addEventListener('click', () => openCamera(() => camera.switchSides()));
  $('camera-stop').addEventListener('click', () => { closeCamera(); $('camera').focus(); });
  $('camera-shoot').addEventListener('click', async () => take([await camera.shoot()]));
  $('measure').addEventListener('click', () => measure(answered().at(-1)));
  addEventListener('paste', ({ clipboardData }) => take([...(clipboardData?.files ?? [])].filter(({ type }) => type.startsWith('image/'))));
  addEventListener('pagehide', () => camera.close());
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) {
    $('drop').addEventListener(kind, (event) => {
      event.preventDefault();
      $('drop').classList.toggle('over', kind === 'dragenter' || kind === 'dragover');
      if (kind === 'drop') take(event.dataTransfer.files);
    });
  }
  for (const choice of document.querySelectorAll('[name="precision"]')) {
    choice.addEventListener('change', async () => {
      page.precision = choice.value;
      for (const item of items) {
        item.showHeat(false);
        await item.classify();
      }
      if (answered().length) await measure(answered().at(-1));
    });
  }
}

async function begin() {
  if (facts.points.length) {
    draw();
    document.addEventListener('themechange', draw);
    new ResizeObserver(() => window.Plotly.Plots.resize($('here-chart'))).observe($('here-chart'));
  }
  if (!facts.files.fp32) {
    $('state').textContent = gettext('The ONNX file of this model is gone. Export it again on the result page.');
    return;
  }
  try {
    await page.worker.ask('begin', { runtime: data.runtime, wasm: data.wasm, files: facts.files, side: facts.side });
    listen();
    for (const node of document.querySelectorAll('[data-when-ready]')) node.disabled = false;
    $('state').textContent = gettext('Ready. Photos stay in this browser.');
    $('try').dataset.ready = 'yes';
  } catch (error) {
    $('state').textContent = error.message;
  }
}

begin();
