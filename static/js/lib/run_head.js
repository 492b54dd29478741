// The top of the live page: state, buttons, phases, time left, figures, and the log.
import { $, el } from './dom.js';
import { rangeText } from './eta.js';
import { count, duration, ms, percent } from './format.js';
import { PHASES } from './run_state.js';
import { fill, gettext, language, ngettext } from './words.js';

const LINES = 300;
// The engine names the network at hand; between networks it says a sentence.
const AT_WORK = {
  baselines: gettext('Training a network to beat: %(what)s'),
  base_search: gettext('Trying a network: %(what)s'),
  scaling: gettext('Scaling up and down: %(what)s'),
  final_training: gettext('Training fully: %(what)s'),
};
const STATES = {
  QUEUED: gettext('Waiting'),
  RUNNING: gettext('Running'),
  PAUSED: gettext('Paused'),
  STOPPING: gettext('Stopping'),
  DONE: gettext('Finished'),
  STOPPED: gettext('Stopped'),
  FAILED: gettext('Failed'),
};

function text(id, value) {
  if ($(id).textContent !== value) $(id).textContent = value;
}

function hidden(id, value) {
  if ($(id).hidden !== value) $(id).hidden = value;
}

export class RunHead {
  /** @param {import('./run_state.js').RunState} state @param {import('./eta.js').Eta} eta */
  constructor(state, eta) {
    Object.assign(this, { state, eta, newest: 0 });
  }

  show(onFront) {
    const { run } = this.state;
    this.showState(run);
    this.showProgress(run);
    this.showPhases();
    this.showFigures(onFront);
    this.showLog();
  }

  showState(run) {
    const { state } = this;
    const ending = run.phase === 'export';
    if ($('state').className !== `state state-${run.state}`) $('state').className = `state state-${run.state}`;
    text('state', STATES[run.state] ?? run.state);
    hidden('stop', !['QUEUED', 'RUNNING', 'PAUSED'].includes(run.state));
    hidden('pause', !['QUEUED', 'RUNNING'].includes(run.state) || ending);
    hidden('go-on', run.state !== 'PAUSED');
    hidden('extend', !['QUEUED', 'RUNNING', 'PAUSED'].includes(run.state) || ending);
    hidden('stopping', run.state !== 'STOPPING');
    const empty = run.state === 'STOPPED' && state.networks.all.size === 0;
    hidden('resume', !(run.state === 'FAILED' || empty));
    const finished = run.state === 'DONE' || (run.state === 'STOPPED' && !empty);
    hidden('to-result', !finished);
    hidden('finished', !finished);
    text('finished-text', run.state === 'STOPPED' ? gettext('Stopped. The best networks so far are kept.') : gettext('The search is finished.'));
    hidden('delete', !state.ended && run.state !== 'PAUSED');
    hidden('failed', run.state !== 'FAILED');
    if (run.state === 'FAILED') text('failed-text', run.error || gettext('The search failed. Start a new one; if it fails again, look into the log of the server.'));
  }

  showProgress(run) {
    const share = this.state.ended ? 1 : Math.min(1, run.progress ?? 0);
    const percents = Math.floor(100 * share);
    if ($('progress').value !== percents) $('progress').value = percents;
    text('left', this.timeLeft(run));
    text('spent', fill(gettext('%(spent)s of %(all)s used'), { spent: duration(run.spent_seconds), all: duration(60 * run.minutes) }));
    text('doing', this.doing(run));
    const title = this.state.ended ? STATES[run.state] : `${percents}%`;
    document.title = `${title} · ${run.name}`;
  }

  timeLeft(run) {
    if (run.state === 'QUEUED') {
      return run.queue_position > 1 ? fill(gettext('Waiting: number %(n)s in the queue'), { n: run.queue_position }) : gettext('Waiting for a free worker');
    }
    if (this.state.ended) return STATES[run.state];
    if (run.state === 'STOPPING') return gettext('Keeping the best…');
    if (!(run.progress > 0)) return gettext('Working out the time…');
    const left = Math.max(0, 60 * run.minutes - run.spent_seconds);
    const range = rangeText(this.eta.range(left));
    return run.state === 'PAUSED' ? fill(gettext('%(range)s once it goes on'), { range }) : range;
  }

  /** What the machine is doing now, in a sentence. */
  doing(run) {
    if (this.state.ended) return '';
    if (run.state === 'QUEUED') return gettext('It starts as soon as a worker is free.');
    if (run.state === 'PAUSED') return gettext('Paused. Its minutes stand still, and nothing is lost.');
    if (!run.message) return gettext('Getting ready.');
    const words = run.message === this.state.opening ? null : AT_WORK[run.phase];
    return words ? fill(words, { what: run.message }) : run.message;
  }

  showPhases() {
    const { state } = this;
    for (const phase of PHASES) {
      const item = $(`phase-${phase}`);
      const known = state.phases.get(phase);
      const now = known === 'now' && state.run.phase === phase && !state.ended;
      const done = known === 'done' || (known === 'now' && !now);
      if (item.dataset.known === `${now}${done}`) continue;
      item.dataset.known = `${now}${done}`;
      item.className = now ? 'now' : done ? 'done' : '';
      if (now) item.setAttribute('aria-current', 'step');
      else item.removeAttribute('aria-current');
      item.querySelector('.ti').className = `ti ti-${now ? 'player-play' : done ? 'check' : 'circle'}`;
      item.querySelector('.visually-hidden').textContent = ` ${now ? gettext('(running)') : done ? gettext('(done)') : gettext('(still to come)')}`;
    }
  }

  showFigures(onFront) {
    const { best, all, failed } = this.state.networks;
    text('best', best ? percent(best.metrics.accuracy) : '–');
    text('best-note', best ? `${best.label} · ${ms(best.metrics.latency_ms)}` : gettext('after the first model'));
    if ($('best-note').title !== (best?.label ?? '')) $('best-note').title = best?.label ?? '';
    text('tried', count(all.size));
    const front = fill(gettext('%(n)s on the front'), { n: onFront });
    text('tried-note', failed ? `${front}, ${fill(gettext('%(n)s failed'), { n: failed })}` : front);
  }

  /** After a new snapshot, whose log is told from the start. */
  forgetLog() {
    $('log').replaceChildren();
    this.newest = 0;
  }

  showLog() {
    const list = $('log');
    for (const line of this.state.log) {
      if (line.seq <= this.newest) continue;
      const time = line.at ? new Date(line.at) : null;
      list.prepend(el('li', {},
        el('time', { text: time ? time.toLocaleTimeString(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }) : '', datetime: line.at }),
        el('span', { text: line.text })));
      this.newest = line.seq;
    }
    while (list.children.length > LINES) list.lastElementChild.remove();
    hidden('log-empty', list.children.length > 0);
  }

  /** The figures in a sentence, for whoever hears the page. */
  sentence() {
    const { size } = this.state.networks.all;
    const tried = fill(ngettext('%(n)s network tried', '%(n)s networks tried', size), { n: size });
    return fill(gettext('%(tried)s, best %(best)s right. Time left: %(left)s.'), { tried, best: $('best').textContent, left: $('left').textContent });
  }
}
