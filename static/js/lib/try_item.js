// One photo that was tried: its answer, heat map, time, and the form that sends it.
import { bars, paintHeat, ranked, sentence } from './answers.js';
import { el, icon } from './dom.js';
import { ms } from './format.js';
import { tellForm } from './tell_us.js';
import { fill, gettext } from './words.js';

const KINDS = {
  activation: gettext('Class activation map: where the last layer of the fp32 file finds evidence for this class, computed exactly. Bright is much.'),
  occlusion: gettext('Occlusion map: bright is where covering the photo lowers the answer most. This network has no last layer from which a map follows.'),
};

export class TryItem {
  /** `page` gives the worker, the facts and the precision that is chosen. */
  constructor(id, file, page) {
    Object.assign(this, { id, file, page, best: null });
    this.url = URL.createObjectURL(file);
    this.title = el('h3', { class: 'clamp-2', text: gettext('Looking at it…') });
    this.took = el('p', { class: 'mb-0 text-quiet' });
    this.list = el('ul', { class: 'answers' });
    this.canvas = el('canvas', { hidden: true, 'aria-hidden': 'true' });
    this.heatWords = el('p', { class: 'mb-0 text-quiet', hidden: true });
    this.heatButton = this.button('flame', gettext('Where does it look?'), () => this.toggleHeat());
    this.heatButton.setAttribute('aria-pressed', 'false');
    this.tellButton = this.button('message-report', gettext('Wrong? Tell us'), () => this.openForm());
    this.tools = el('div', { class: 'try-tools', hidden: true }, this.heatButton, this.tellButton, this.button('x', gettext('Remove'), () => this.remove()));
    this.body = el('div', { class: 'stack' }, this.title, this.took, this.list, this.heatWords, this.tools);
    this.node = el('li', { class: 'try-item' }, el('div', { class: 'try-picture' }, this.picture(), this.canvas), this.body);
  }

  picture() {
    const image = el('img', { alt: this.file.name, src: this.url });
    image.addEventListener('error', () => { image.hidden = true; });
    return image;
  }

  button(sign, text, act) {
    const button = el('button', { class: 'btn btn-sm btn-outline-secondary', type: 'button' }, icon(sign), text);
    button.addEventListener('click', act);
    return button;
  }

  /** Asks the model; again after another file of it was chosen. */
  async classify() {
    const { worker, precision, facts } = this.page;
    try {
      const { values, milliseconds } = await worker.ask('classify', { id: this.id, picture: this.file, precision });
      this.best = ranked(values, facts.labels);
      this.node.dataset.values = JSON.stringify(values);
      this.title.textContent = sentence(this.best, facts.threshold);
      this.took.textContent = fill(gettext('%(time)s on this device, once'), { time: ms(milliseconds) });
      this.list.replaceChildren(...bars(this.best));
      this.tools.hidden = false;
      return true;
    } catch (error) {
      this.best = null;
      this.title.textContent = error.message;
      this.node.dataset.failed = 'yes';
      this.tools.hidden = false;
      this.heatButton.hidden = true;
      this.tellButton.hidden = true;
      return false;
    }
  }

  async toggleHeat() {
    if (!this.canvas.hidden) {
      this.showHeat(false);
      return;
    }
    this.heatButton.disabled = true;
    this.heatWords.textContent = this.page.facts.files.maps ? gettext('Looking…') : gettext('Covering the photo patch by patch…');
    this.heatWords.hidden = false;
    try {
      const { worker, precision } = this.page;
      const found = await worker.ask('heat', { id: this.id, label: this.best[0].index, precision });
      paintHeat(this.canvas, found);
      this.heatWords.textContent = `${this.best[0].label}: ${KINDS[found.kind]}`;
      this.node.dataset.heat = found.kind;
      this.node.dataset.heatValues = JSON.stringify(found.values);
      this.showHeat(true);
    } catch (error) {
      this.heatWords.textContent = error.message;
    }
    this.heatButton.disabled = false;
  }

  showHeat(shown) {
    this.canvas.hidden = !shown;
    this.heatWords.hidden = !shown;
    this.heatButton.setAttribute('aria-pressed', String(shown));
  }

  openForm() {
    this.tellButton.hidden = true;
    const form = tellForm(this.file, this.page.classes, this.page.facts.dataset);
    this.body.append(form);
    form.querySelector('select').focus();
  }

  remove() {
    URL.revokeObjectURL(this.url);
    this.page.worker.ask('forget', { id: this.id });
    this.page.removed(this);
    this.node.remove();
  }
}
