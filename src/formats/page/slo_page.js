// Draws each chart from the table beneath it, which is all the data there is.
'use strict';
(() => {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
  const number = (cell) => (cell && cell.textContent !== '' ? Number(cell.textContent) : null);
  const minute = 60e3, hour = 60 * minute, day = 24 * hour;
  const steps = [minute, 5 * minute, 15 * minute, 30 * minute, hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 14 * day, 28 * day, 91 * day, 364 * day];

  // The clock of a zone, as parts of text.
  const clock = (zone) => {
    const format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
    });
    return (ms) => Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
  };
  const dateOf = (p) => p.year + '-' + p.month + '-' + p.day;

  // Ticks at whole local hours and days; those that are midnight say the date.
  const ticker = (parts) => (from, to, pixels) => {
    const room = Math.max(2, Math.floor(pixels / 65));
    const step = steps.find((s) => (to - from) / s <= room) || steps[steps.length - 1];
    const p = parts(from);
    const offset = Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute) - Math.floor(from / minute) * minute;
    const ticks = [];
    for (let t = Math.ceil((from + offset) / step) * step - offset; t <= to; t += step) {
      const at = parts(t), time = at.hour + ':' + at.minute;
      ticks.push({v: t, label: step >= day || time === '00:00' ? dateOf(at).slice(5) : time});
    }
    return ticks;
  };

  const bands = (section, kind) =>
    [...section.querySelectorAll('tr[data-' + kind + ']')].map((row) => row.dataset[kind].split(' ').map(Number));

  // Its legend measures text by a style attribute, which the policy of the page refuses; ours is the reading below.
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

  const charts = [];
  for (const figure of document.querySelectorAll('figure.history')) {
    const section = figure.closest('section');
    const rows = [...figure.querySelectorAll('tbody tr')];
    const parts = clock(figure.dataset.zone);
    const data = rows.map((row) => [Date.parse(row.cells[0].textContent), number(row.cells[1]), number(row.cells[2])]);
    const incidents = bands(section, 'incident'), exclusions = bands(section, 'exclusion');
    const reading = figure.querySelector('.reading');
    const first = data.length > 0 ? Number(figure.dataset.from) : 0;
    const drawn = [];
    const make = (plot, values, name, rowAt, extra) => {
      const chart = new Dygraph(plot, values, {
        labels: ['time', name],
        colors: [color(name)],
        dateWindow: [first, data[data.length - 1][0]],
        axes: {
          x: {valueParser: Number, ticker: ticker(parts), axisLabelWidth: 70, drawGrid: false},
          y: {axisLabelWidth: 62, axisLabelFormatter: (v) => Number(v.toPrecision(4)) + ' %', valueFormatter: (v) => v + ' %'},
        },
        axisLineColor: color('line'), gridLineColor: color('line'),
        strokeWidth: 2, fillGraph: true, fillAlpha: 0.12, highlightCircleSize: 4,
        animatedZooms: false, showLabelsOnHighlight: false,
        underlayCallback: (canvas, area, g) => {
          const fill = (ranges, shade) => {
            canvas.fillStyle = color(shade);
            for (const [from, to] of ranges) {
              const a = Math.max(area.x, g.toDomXCoord(from)), b = Math.min(area.x + area.w, g.toDomXCoord(to));
              if (b >= a) canvas.fillRect(a, area.y, Math.max(2, b - a), area.h);
            }
          };
          fill(exclusions, 'excluded');
          fill(incidents, 'incident');
          if (name === 'budget') {
            const y = g.toDomYCoord(0);
            canvas.fillStyle = color('soft');
            canvas.fillRect(area.x, y, area.w, 1);
          }
        },
        highlightCallback: (event, x, points, index) => {
          const row = rowAt(x) || data[data.length - 1], at = parts(row[0]);
          const errors = row[2] === null ? 'no events' : 'worst error ratio ' + row[2] + ' %';
          reading.textContent = dateOf(at) + ' ' + at.hour + ':' + at.minute + ': budget left ' + row[1] + ' %, ' + errors;
        },
        unhighlightCallback: () => { reading.textContent = ''; },
        drawCallback: (g, initial) => {
          if (initial) return;
          const range = g.xAxisRange();
          for (const other of drawn) {
            const now = other.xAxisRange();
            if (other !== g && (now[0] !== range[0] || now[1] !== range[1])) other.updateOptions({dateWindow: range});
          }
        },
        ...extra,
      });
      drawn.push(chart);
      charts.push([chart, name]);
    };
    if (data.length === 0) continue;
    const low = Math.min(0, ...data.map((row) => row[1] ?? 0));
    // What is left is known at the end of each row; its worst slice lies before that, so that a step begins where the
    // row before ends.
    make(figure.querySelector('.plot.budget'), [[first, 100], ...data.map((row) => [row[0], row[1]])], 'budget',
      (x) => data.find((row) => row[0] >= x), {valueRange: [low < 0 ? low * 1.05 : 0, 105]});
    const last = data[data.length - 1];
    make(figure.querySelector('.plot.errors'),
      [...data.map((row, i) => [i === 0 ? first : data[i - 1][0], row[2]]), [last[0], last[2]]], 'errors',
      (x) => data.find((row) => row[0] > x), {includeZero: true, stepPlot: true, strokeWidth: 1, fillAlpha: 0.25});
  }

  const recolor = () => {
    for (const [chart, name] of charts) {
      chart.updateOptions({colors: [color(name)], axisLineColor: color('line'), gridLineColor: color('line')});
    }
  };
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', recolor);
  matchMedia('print').addEventListener('change', () => { for (const [chart] of charts) chart.resize(); recolor(); });
})();
