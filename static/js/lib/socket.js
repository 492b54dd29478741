// A websocket that comes back: it asks for everything after the last event that it has seen.
export class RunSocket {
  /**
   * @param {(after: number) => string} address
   * @param {{after: () => number, message: (data: object) => void, light: (state: string) => void, over: () => boolean}} owner
   */
  constructor(address, owner) {
    this.address = address;
    this.owner = owner;
    this.pause = 500;
    this.timer = null;
    this.socket = null;
    addEventListener('online', () => this.hurry());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && this.hurry());
    this.open();
  }

  open() {
    this.owner.light('wait');
    const socket = new WebSocket(this.address(this.owner.after()));
    this.socket = socket;
    socket.addEventListener('open', () => this.owner.light('on'));
    socket.addEventListener('message', (event) => {
      this.pause = 500;
      this.owner.message(JSON.parse(event.data));
    });
    socket.addEventListener('close', () => this.lost(socket));
  }

  lost(socket) {
    if (socket !== this.socket) return;
    this.socket = null;
    if (this.owner.over()) {
      this.owner.light('over');
      return;
    }
    this.owner.light('wait');
    // Jitter, so that a restarted server is not met by all browsers in the same instant.
    this.timer = setTimeout(() => this.open(), this.pause * (0.7 + 0.6 * Math.random()));
    this.pause = Math.min(this.pause * 2, 10000);
  }

  /** Connects at once instead of waiting for the timer. */
  hurry() {
    if (this.socket || this.owner.over()) return;
    clearTimeout(this.timer);
    this.pause = 500;
    this.open();
  }

  /** Ends it: the run is over and everything has been told. */
  finish() {
    this.owner.light('over');
    const old = this.socket;
    this.socket = null;
    old?.close();
  }

  /** Drops the connection and takes up a new one from the owner's last event. */
  restart() {
    const old = this.socket;
    this.socket = null;
    clearTimeout(this.timer);
    old?.close();
    this.open();
  }
}
