// Fronts of earlier searches on the same photos, behind the front of this one.
import { api } from './api.js';
import { $, el, notice } from './dom.js';
import { gettext } from './words.js';

export class Ghosts {
  /** @param {string} base of the run's API @param {(ghosts: object[]) => void} onChange */
  constructor(base, onChange) {
    Object.assign(this, { base, onChange, chosen: new Map(), fronts: new Map(), axis: null });
    $('ghosts').addEventListener('toggle', () => this.list(), { once: true });
  }

  async list() {
    try {
      const { items: runs } = await api(`${this.base}/earlier`);
      $('ghosts-none').hidden = runs.length > 0;
      $('ghost-list').replaceChildren(...runs.map((run) => this.item(run)));
    } catch (error) {
      notice(error.message);
    }
  }

  item(run) {
    const box = el('input', { type: 'checkbox', class: 'form-check-input', id: `ghost-${run.id}` });
    box.addEventListener('change', () => {
      if (box.checked) this.chosen.set(run.id, run.name);
      else this.chosen.delete(run.id);
      this.show(this.axis);
    });
    const day = new Date(run.created_at).toLocaleDateString(document.documentElement.lang || 'en');
    return el('li', { class: 'form-check' }, box, el('label', { class: 'form-check-label', for: box.id, text: `${run.name} · ${day}` }));
  }

  /** Shows the chosen ones for an axis, if the server can tell its costs. */
  async show(axis) {
    this.axis = axis;
    $('ghosts-why').textContent = axis.scale ? '' : gettext('Earlier fronts are known for time, size, energy and memory only.');
    if (!axis.scale || !this.chosen.size) {
      this.onChange([]);
      return;
    }
    try {
      const shown = await Promise.all([...this.chosen].map(([id, name]) => this.front(id, name, axis)));
      if (axis === this.axis) this.onChange(shown);
    } catch (error) {
      notice(error.message);
    }
  }

  async front(id, name, axis) {
    const key = `${id} ${axis.name}`;
    if (!this.fronts.has(key)) {
      const { items: points } = await api(`/api/v1/searches/${id}/front?cost=${axis.name}`);
      this.fronts.set(key, points.map((point) => ({ ...point, cost: point.cost / axis.scale })));
    }
    return { name, points: this.fronts.get(key) };
  }
}
