// The list of models that are ready to download.
import { api } from './api.js';
import { $, el, icon } from './dom.js';
import { bytes, percent } from './format.js';
import { gettext } from './words.js';

/** @param {string} base of the run's API @param {Map<number, object>} networks by number */
export async function showModels(base, networks) {
  const { items: models } = await api(`${base}/models`);
  const accuracy = (model) => networks.get(model.candidate)?.metrics?.accuracy ?? 0;
  models.sort((a, b) => accuracy(b) - accuracy(a));
  $('models-empty').hidden = models.length > 0;
  $('models').replaceChildren(...models.map((model) => {
    const size = model.files.find((file) => file.name === 'model.onnx')?.bytes;
    return el('li', { class: 'list-group-item d-flex flex-wrap justify-content-between align-items-center gap-2' },
      el('span', { class: 'text-break' }, el('strong', { text: networks.get(model.candidate)?.label ?? model.name }), el('br'),
        el('span', { class: 'text-quiet', text: [percent(accuracy(model)), size && bytes(size)].filter(Boolean).join(', ') })),
      el('span', { class: 'd-flex gap-2' },
        el('a', { class: 'btn btn-sm btn-outline-primary', download: true, href: `${base}/models/${model.id}/files/model.onnx` }, icon('download'), 'ONNX'),
        el('a', { class: 'btn btn-sm btn-outline-secondary', download: true, href: `${base}/models/${model.id}/bundle.zip` }, icon('file-zip'), gettext('All files'))));
  }));
}
