// What a run has told so far: events folded into one state. Each event counts once, in the order of its seq.
import { candidatesOf } from './columns.js';
import { Networks } from './networks.js';

export const PHASES = ['first_model', 'baselines', 'base_search', 'scaling', 'final_training', 'export'];
const LOG_LIMIT = 300;
const STEP_LIMIT = 500;

export class RunState {
  /**
   * @param {object} snapshot run, candidates (columns or null), events (logs and phases), method, last_seq
   * @param {(one: object, change: object) => void} onNetwork told of each network that comes after the snapshot
   */
  constructor(snapshot, onNetwork = () => {}) {
    this.onNetwork = onNetwork;
    this.load(snapshot);
  }

  load(snapshot) {
    this.run = snapshot.run;
    this.lastSeq = snapshot.last_seq;
    this.networks = new Networks();
    for (const one of candidatesOf(snapshot.candidates)) this.networks.add(one);
    this.phases = new Map();
    this.log = [];
    this.opening = '';
    this.models = 0;
    this.method = snapshot.method;
    this.plan = snapshot.plan ?? null;
    for (const event of snapshot.events) this.fold(event);
    if (this.run.phase && !this.phases.has(this.run.phase)) this.phases.set(this.run.phase, 'now');
  }

  /** Returns false for an event that is already known, null for one that comes too early. */
  apply(event) {
    if (event.seq <= this.lastSeq) return false;
    if (event.seq !== this.lastSeq + 1) return null;
    this.lastSeq = event.seq;
    this.fold(event);
    return true;
  }

  fold({ seq, kind, payload, created_at: at }) {
    if (kind === 'candidate_finished') {
      const change = this.networks.add(payload.candidate);
      if (change) this.onNetwork(payload.candidate, change);
    } else if (kind === 'phase_started') {
      this.phases.set(payload.phase, 'now');
      this.run.phase = payload.phase;
      this.opening = payload.message; // the sentence with which the phase began
      if (payload.message) this.say(seq, at, payload.message);
    } else if (kind === 'phase_finished') {
      this.phases.set(payload.phase, 'done');
    } else if (kind === 'progress') {
      this.run.progress = payload.fraction;
      this.run.spent_seconds = payload.spent_seconds;
      this.run.eta_seconds = payload.eta_seconds;
      this.run.message = payload.message;
    } else if (kind === 'plan') {
      this.plan = payload;
    } else if (kind === 'method') {
      this.step(payload);
    } else if (kind === 'log') {
      this.say(seq, at, payload.message);
    } else if (kind === 'model_exported') {
      this.models += 1;
    }
  }

  say(seq, at, text) {
    this.log.push({ seq, at, text });
    if (this.log.length > LOG_LIMIT) this.log.shift();
  }

  /** Adds a step of the method; when there are too many, every second one goes, but never the first and the last. */
  step({ step, values, shares }) {
    const steps = [...this.method.steps, { step, values: values ?? {} }];
    const last = steps.length - 1;
    this.method = { steps: last < STEP_LIMIT ? steps : steps.filter((_, place) => place === 0 || (last - place) % 2 === 0), shares: shares ?? {} };
  }

  get ended() {
    return ['DONE', 'STOPPED', 'FAILED'].includes(this.run.state);
  }
}
