// Upload page: choose or drop a zip, check it before the first byte, send it with progress.
import { csrfToken, errorText } from './lib/api.js';
import { $ } from './lib/dom.js';
import { bytes, duration } from './lib/format.js';

const form = $('upload');
const drop = $('drop');
const input = $('file');
const maxBytes = Number(form.dataset.maxBytes);
let file = null;
let request = null;

function problem(text) {
  $('problem').textContent = text;
  $('problem').hidden = !text;
}

/** A sentence why the file cannot be taken, or an empty string. The server checks again. */
async function objection(candidate) {
  if (!/\.zip$/i.test(candidate.name)) {
    return `“${candidate.name.slice(0, 120)}” is not a zip file. Put the class folders into one zip and choose that.`;
  }
  if (candidate.size === 0) return 'This file is empty. Zip the folders again and choose the new file.';
  if (candidate.size > maxBytes) {
    return `This file has ${bytes(candidate.size)}; this server takes at most ${bytes(maxBytes)}. Split it into smaller data sets.`;
  }
  const head = new Uint8Array(await candidate.slice(0, 4).arrayBuffer());
  if (head[0] !== 0x50 || head[1] !== 0x4b) {
    return 'This file is named .zip, but it is not a zip archive. Zip the class folders again and choose the new file.';
  }
  return '';
}

async function choose(candidate) {
  if (!candidate || request) return;
  let reason;
  try {
    reason = await objection(candidate);
  } catch {
    reason = 'This could not be read. If it is a folder, zip it first and drop the zip.';
  }
  problem(reason);
  file = reason ? null : candidate;
  $('send').disabled = !file;
  $('chosen').hidden = !file;
  if (!file) return;
  $('chosen').textContent = `${file.name.slice(0, 120)} · ${bytes(file.size)}`;
  if (!$('name').value) $('name').value = file.name.replace(/\.zip$/i, '').slice(0, 200);
  $('send').focus();
}

function progressOf(started) {
  let announced = 0;
  return (event) => {
    if (!event.lengthComputable) return;
    const seconds = (performance.now() - started) / 1000;
    const speed = event.loaded / Math.max(seconds, 0.05);
    const percent = Math.floor((100 * event.loaded) / event.total);
    $('bar').value = percent;
    $('sent').textContent = `${bytes(event.loaded)} of ${bytes(event.total)} (${percent}%)`;
    $('speed').textContent = `${bytes(speed)}/s`;
    const left = (event.total - event.loaded) / speed;
    $('left').textContent = event.loaded === event.total ? 'The server is storing it…' : `about ${duration(left)} left`;
    if (seconds - announced > 10) {
      announced = seconds;
      $('sending-status').textContent = `${percent} percent sent`;
    }
  };
}

function idle() {
  request = null;
  $('sending').hidden = true;
  $('cancel').hidden = true;
  $('send').disabled = !file;
}

function send() {
  const body = new FormData();
  body.append('name', $('name').value.trim() || file.name.replace(/\.zip$/i, '').slice(0, 200));
  body.append('file', file, file.name);
  request = new XMLHttpRequest();
  request.open('POST', form.dataset.url);
  request.setRequestHeader('X-CSRFToken', csrfToken());
  request.setRequestHeader('Accept', 'application/json');
  request.upload.addEventListener('progress', progressOf(performance.now()));
  request.addEventListener('load', () => {
    const { status, responseText } = request;
    if (status === 201) {
      location.assign(`/datasets/${JSON.parse(responseText).id}/`);
      return;
    }
    idle();
    problem(errorText(status, responseText));
  });
  request.addEventListener('error', () => {
    idle();
    problem('The connection broke while sending. Check that the server runs and upload again.');
  });
  request.addEventListener('abort', () => {
    idle();
    problem('');
  });
  $('bar').value = 0;
  $('sending').hidden = false;
  $('cancel').hidden = false;
  $('send').disabled = true;
  problem('');
  request.send(body);
}

$('choose').addEventListener('click', () => input.click());
input.addEventListener('change', () => choose(input.files[0]));
$('cancel').addEventListener('click', () => request?.abort());
form.addEventListener('submit', (event) => {
  event.preventDefault();
  if (file && !request) send();
});
for (const name of ['dragenter', 'dragover']) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
}
for (const name of ['dragleave', 'drop']) drop.addEventListener(name, () => drop.classList.remove('over'));
drop.addEventListener('drop', (event) => {
  event.preventDefault();
  const { files } = event.dataTransfer;
  if (files.length > 1) problem('Please drop one zip file. Several files at once cannot be taken yet.');
  else choose(files[0]);
});
// A file dropped beside the zone must not replace the page.
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => event.preventDefault());
addEventListener('beforeunload', (event) => {
  if (request && request.readyState < 4) event.preventDefault();
});
