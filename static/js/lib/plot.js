// uPlot in the colours of the theme: axes, grid, lines and the brush, drawn on a canvas.
import { colour } from './colour.js';

export function axisOf(options) {
  const font = '12px system-ui, sans-serif';
  return {
    stroke: colour('--app-quiet'),
    font,
    labelFont: font,
    labelSize: 22,
    grid: { stroke: colour('--chart-grid'), width: 1 },
    ticks: { stroke: colour('--chart-grid'), width: 1, size: 4 },
    ...options,
  };
}

/** Lines over one x axis that are drawn anew with new data; `options` as uPlot takes them, made for each theme. */
export class LinePlot {
  /** @param {HTMLElement} node @param {(width: number) => object} options without width and height */
  constructor(node, options) {
    Object.assign(this, { node, options, plot: null, data: null });
    document.addEventListener('themechange', () => this.rebuild());
    new ResizeObserver(() => this.fit()).observe(node);
  }

  show(data) {
    this.data = data;
    if (this.plot) this.plot.setData(data);
    else this.rebuild();
  }

  rebuild() {
    if (!this.data || !this.node.clientWidth) return;
    this.plot?.destroy();
    const size = { width: this.node.clientWidth, height: this.node.clientHeight };
    this.plot = new window.uPlot({ ...this.options(size.width), ...size }, this.data, this.node);
  }

  fit() {
    if (!this.plot) this.rebuild();
    else if (this.node.clientWidth) this.plot.setSize({ width: this.node.clientWidth, height: this.node.clientHeight });
  }
}
