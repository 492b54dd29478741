// Draws the chart with the colours of the page, again whenever light, dark or print changes.
(function () {
  "use strict";
  const target = document.getElementById("chart");
  const figure = JSON.parse(document.getElementById("figure").textContent);
  if (!target || !window.Plotly) return;

  function draw() {
    const style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(name).trim();
    const narrow = target.clientWidth < 560;
    const data = structuredClone(figure.data).map((trace) => {
      const own = color(trace.meta.color);
      if (trace.marker) {
        const open = trace.marker.symbol.endsWith("-open");
        trace.marker.color = own;
        trace.marker.line.color = open ? own : color("--card");
      }
      if (trace.line) trace.line.color = own;
      if (trace.error_y) trace.error_y.color = own;
      return trace;
    });
    const axis = { gridcolor: color("--grid"), linecolor: color("--line"), color: color("--muted") };
    const layout = structuredClone(figure.layout);
    layout.font = { family: style.getPropertyValue("--font"), size: narrow ? 12 : 13, color: color("--text") };
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.hoverlabel.bgcolor = color("--card");
    layout.hoverlabel.bordercolor = color("--line");
    layout.hoverlabel.font = { color: color("--text") };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: color("--muted"), activecolor: color("--accent") };
    Object.assign(layout.xaxis, axis);
    Object.assign(layout.yaxis, axis);
    if (narrow) {
      layout.margin = { l: 46, r: 6, t: 8, b: 46 };
      layout.yaxis.title = undefined;
      layout.legend.y = -0.16;
    }
    const config = {
      responsive: true,
      displaylogo: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      displayModeBar: narrow ? false : "hover",
    };
    window.Plotly.react(target, data, layout, config);
  }

  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  draw();
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    window.matchMedia(query).addEventListener("change", draw);
  }
})();
