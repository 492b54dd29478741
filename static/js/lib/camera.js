// The camera of this device: live pictures one at a time, front and back, a photo on request.
export class Camera {
  /** `video` shows the pictures, `onPicture(bitmap)` gets one as soon as the last has been dealt with. */
  constructor(video, onPicture) {
    this.video = video;
    this.onPicture = onPicture;
    this.facing = 'environment';
    this.running = 0;
  }

  get on() {
    return this.video.srcObject !== null;
  }

  /** Opens the camera; throws if the person or the browser forbids it. */
  async open() {
    this.close();
    const turn = this.running;
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: this.facing, width: { ideal: 640 } } });
    if (turn !== this.running) { // closed while the browser asked
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.video.srcObject = stream;
    this.video.classList.toggle('mirrored', stream.getVideoTracks()[0].getSettings().facingMode === 'user');
    await this.video.play();
    this.follow(this.running);
  }

  async switchSides() {
    this.facing = this.facing === 'environment' ? 'user' : 'environment';
    await this.open();
  }

  close() {
    this.running += 1;
    for (const track of this.video.srcObject?.getTracks() ?? []) track.stop();
    this.video.srcObject = null;
  }

  async follow(turn) {
    while (turn === this.running) {
      if (this.video.videoWidth && !document.hidden) await this.onPicture(await createImageBitmap(this.video));
      await new Promise((resolve) => { setTimeout(resolve, document.hidden ? 500 : 60); });
    }
  }

  /** The present picture as a file. */
  async shoot() {
    const canvas = new OffscreenCanvas(this.video.videoWidth, this.video.videoHeight);
    canvas.getContext('2d').drawImage(this.video, 0, 0);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    return new File([blob], `camera-${Date.now()}.png`, { type: 'image/png' });
  }
}
