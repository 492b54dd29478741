// What all charts of accuracy against a cost have in common when Plotly draws them.
import { colour } from './colour.js';

/** Plotly's own buttons stay away; a chart follows its box through a ResizeObserver. */
export const CONFIG = { displayModeBar: false, responsive: false, scrollZoom: false };

/** The layout in the colours of the theme; `x` and `y` are what the axes have of their own, `more` the rest. */
export function layoutOf({ size = 12.5, x, y, ...more }) {
  const frame = { gridcolor: colour('--chart-grid'), linecolor: colour('--app-line'), zeroline: false, automargin: true };
  return {
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    font: { family: 'system-ui, sans-serif', size, color: colour('--app-quiet') },
    showlegend: false,
    hovermode: 'closest',
    hoverlabel: { bgcolor: colour('--app-panel'), bordercolor: colour('--app-line'), font: { color: colour('--app-ink'), size: 12 }, align: 'left' },
    xaxis: { ...frame, ...x },
    yaxis: { ...frame, ticksuffix: '%', ...y },
    ...more,
  };
}
