// How much is sent at a time: less on a line that keeps breaking, for a piece with a checksum counts whole or not at all.
const LARGEST = 8 * 1024 * 1024;
const SMALLEST = 256 * 1024;
const PATIENCE = 4; // pieces in a row before more is dared again: a line that breaks does so often

export class PieceSize {
  constructor() {
    this.bytes = LARGEST;
    this.arrived = 0;
  }

  /** A piece broke off. */
  shrink() {
    this.bytes = Math.max(SMALLEST, this.bytes / 2);
    this.arrived = 0;
  }

  /** A piece arrived. */
  grow() {
    this.arrived += 1;
    if (this.arrived < PATIENCE) return;
    this.bytes = Math.min(LARGEST, this.bytes * 2);
    this.arrived = 0;
  }
}
