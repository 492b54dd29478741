// The buttons above a chart that choose its axis, and the sentence that says why some cannot be chosen.
import { AXES, refusal } from './axes.js';
import { $, el } from './dom.js';
import { fill, gettext } from './words.js';

// German nouns keep their capital.
const inSentence = (title) => (document.documentElement.lang.startsWith('en') ? title.replace(/^./, (first) => first.toLowerCase()) : title);

export class AxisSwitch {
  constructor(node, onChange) {
    this.axis = AXES.find((axis) => axis.name === node.dataset.cost) ?? AXES[0];
    this.log = false;
    this.onChange = onChange;
    this.buttons = AXES.map((axis) => {
      const button = el('button', { type: 'button', 'data-axis': axis.name, text: axis.title });
      button.addEventListener('click', () => this.choose(axis));
      return button;
    });
    const scale = el('button', { type: 'button', 'data-axis-log': true, 'aria-pressed': 'false', text: gettext('Log scale') });
    scale.addEventListener('click', () => {
      this.log = !this.log;
      scale.setAttribute('aria-pressed', String(this.log));
      this.onChange();
    });
    node.replaceChildren(...this.buttons, scale);
    this.show([]);
  }

  choose(axis) {
    if (axis === this.axis) return;
    this.axis = axis;
    this.onChange();
  }

  /** Greys out what cannot be shown for these candidates; an axis that was chosen and no longer can falls back to the first. */
  show(candidates) {
    const reasons = AXES.map((axis) => refusal(axis, candidates));
    if (reasons[AXES.indexOf(this.axis)]) [this.axis] = AXES;
    const why = new Map();
    for (const [index, axis] of AXES.entries()) {
      this.buttons[index].hidden = Boolean(axis.only) && !candidates.some(({ metrics }) => axis.only(metrics));
      this.buttons[index].disabled = Boolean(reasons[index]);
      this.buttons[index].setAttribute('aria-pressed', String(axis === this.axis));
      if (reasons[index]) why.set(reasons[index], [...(why.get(reasons[index]) ?? []), axis.title]);
    }
    $('axis-why').textContent = [...why].map(([reason, titles]) => `${titles.join(', ')}: ${reason}.`).join(' ');
    $('chart-title').textContent = fill(gettext('Accuracy against %(cost)s'), { cost: inSentence(this.axis.title) });
  }
}
