// The bar of "I don't know": what each place of the slider would do, and which place is the cheapest.
import { $ } from './dom.js';
import { count, decimal, percent } from './format.js';
import { fill, gettext } from './words.js';

const LEFT = 40; // of the chart's plotting area in its view box, and its width: search_app/evaluation_charts.py
const WIDTH = 306;

export class OutcomeBar {
  /** @param {{curve: number[][], threshold: number}} data [right, wrong, unknown] for bars of 0 to 100% */
  constructor({ curve, threshold }) {
    Object.assign(this, { curve, own: Math.round(100 * threshold) });
    this.input = $('bar');
    this.input.addEventListener('input', () => this.show());
    $('bar-own').addEventListener('click', () => this.go(this.own));
    $('cost-best').addEventListener('click', () => this.goCheapest());
    for (const id of ['cost-wrong', 'cost-unknown']) $(id).addEventListener('input', () => this.showCost());
    this.show();
  }

  get value() {
    return Number(this.input.value);
  }

  go(value) {
    this.input.value = value;
    this.show();
  }

  show() {
    const [right, wrong, unknown] = this.curve[this.value];
    const all = right + wrong + unknown;
    const given = right + wrong;
    $('bar-value').textContent = percent(this.value / 100, 0);
    this.input.setAttribute('aria-valuetext', percent(this.value / 100, 0));
    let x = 0;
    for (const [name, n] of [['right', right], ['wrong', wrong], ['unknown', unknown]]) {
      const width = all ? (100 * n) / all : 0;
      $(`share-${name}`).setAttribute('x', x);
      $(`share-${name}`).setAttribute('width', width);
      $(`n-${name}`).textContent = `${count(n)} (${percent(all ? n / all : null)})`;
      $(`n-${name}`).disabled = n === 0;
      x += width;
    }
    const at = LEFT + (WIDTH * this.value) / 100;
    $('bar-line').setAttribute('x1', at);
    $('bar-line').setAttribute('x2', at);
    $('bar-sentence').textContent = given
      ? fill(gettext('With this bar %(given)s of the photos get an answer, and %(right)s of these answers are right.'), { given: percent(given / all), right: percent(right / given) })
      : gettext('With this bar no photo gets an answer.');
    this.showCost();
  }

  /** What the photos cost at a place, null while the costs are no numbers. */
  cost(value) {
    const [, wrong, unknown] = this.curve[value];
    const total = wrong * $('cost-wrong').valueAsNumber + unknown * $('cost-unknown').valueAsNumber;
    return Number.isFinite(total) && total >= 0 ? total : null;
  }

  showCost() {
    const cost = this.cost(this.value);
    const all = this.curve[0].reduce((sum, n) => sum + n, 0);
    $('cost-sentence').textContent = cost === null
      ? gettext('Give both costs as numbers that are not negative.')
      : fill(gettext('At this bar 100 photos cost %(cost)s.'), { cost: decimal((100 * cost) / Math.max(1, all)) });
  }

  goCheapest() {
    const costs = this.curve.map((_, value) => this.cost(value));
    if (costs.includes(null)) {
      this.showCost();
      return;
    }
    this.go(costs.indexOf(Math.min(...costs)));
  }
}
