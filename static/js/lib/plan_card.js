// What the planner chose, and why: the sentences of the newest plan.
import { $, el } from './dom.js';

export class PlanCard {
  constructor() {
    this.shown = null;
  }

  /** @param {{ reasons: string[] } | null} plan as its event told it */
  show(plan) {
    if (!plan || plan === this.shown) return;
    this.shown = plan;
    $('plan-reasons').replaceChildren(...plan.reasons.map((text) => el('li', { text })));
    $('plan').hidden = false;
  }
}
