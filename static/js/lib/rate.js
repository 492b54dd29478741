// Speed of a transfer, smoothed so that the time left does not dance.
const SMOOTH_SECONDS = 6;

export class Rate {
  constructor() {
    this.reset();
  }

  /** Forgets the past: after a pause the old speed says nothing. */
  reset() {
    this.speed = null;
    this.last = null;
  }

  /** @param {number} done bytes so far @param {number} now milliseconds */
  update(done, now) {
    if (!this.last) {
      this.last = { done, now };
      return;
    }
    const seconds = (now - this.last.now) / 1000;
    if (seconds < 0.25) return;
    // What was sent but not accepted is sent again; that is no negative speed.
    const fresh = Math.max(0, done - this.last.done) / seconds;
    const weight = 1 - Math.exp(-seconds / SMOOTH_SECONDS);
    this.speed = this.speed == null ? fresh : this.speed + weight * (fresh - this.speed);
    this.last = { done, now };
  }

  /** Seconds until `left` bytes are sent, or null while nobody can tell. */
  secondsLeft(left) {
    return this.speed > 0 ? left / this.speed : null;
  }
}
