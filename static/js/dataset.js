// Data set page: follows the import until it ends, and deletes.
import { api } from './lib/api.js';
import { $ } from './lib/dom.js';
import { count } from './lib/format.js';
import { wireDelete } from './lib/remove.js';

const page = $('dataset');
const { url } = page.dataset;
const WORKING = ['UPLOADED', 'CHECKING'];

function showImport({ state, progress }) {
  $('state').className = `state state-${state}`;
  $('state').textContent = state === 'UPLOADED' ? 'Uploaded' : 'Checking';
  const { done, total } = progress ?? {};
  if (!total) {
    $('import-text').textContent = state === 'UPLOADED' ? 'Waiting for a free worker…' : 'Reading the list of files…';
    return;
  }
  $('import').max = total;
  $('import').value = done;
  $('import-text').textContent = `${count(done)} of ${count(total)} files checked`;
}

async function follow() {
  let pause = 700;
  try {
    const dataset = await api(url);
    if (!WORKING.includes(dataset.state)) {
      location.reload();
      return;
    }
    showImport(dataset);
  } catch (error) {
    if (error.status === 404) {
      location.assign('/datasets/');
      return;
    }
    $('import-text').textContent = 'The server cannot be reached. The check goes on; this page will follow again.';
    pause = 3000;
  }
  setTimeout(follow, pause);
}

if (WORKING.includes(page.dataset.state)) follow();

if ($('delete')) wireDelete($('delete'), $('delete-dialog'), url, '/datasets/');
