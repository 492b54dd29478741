// Data set page: follows work on it, or starts the script of the tab that is shown.
import { $ } from './lib/dom.js';
import { Editor } from './lib/labelling.js';
import { Pending } from './lib/pending.js';
import { wireDelete } from './lib/remove.js';
import { follow } from './lib/work.js';

const { url, state, tab } = $('dataset').dataset;
const SCRIPTS = { overview: 'overview', findings: 'findings', photos: 'photos_tab', map: 'map', versions: 'versions' };

if ($('delete')) wireDelete($('delete'), $('delete-dialog'), url, '/datasets/');
if (['UPLOADING', 'UPLOADED', 'CHECKING'].includes(state)) follow(url, state);
if (tab) {
  document.querySelector('.tabs [aria-current]').scrollIntoView({ block: 'nearest', inline: 'center' });
  const data = JSON.parse($('page-data').textContent);
  const pending = new Pending(url);
  const editor = new Editor(url, data.classes, pending, Boolean($('undo')));
  import(`./lib/${SCRIPTS[tab]}.js`).then((script) => script.start({ url, data, editor, pending }));
}
