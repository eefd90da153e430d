"use strict";
(async () => {
  const holder = document.getElementById("columns");
  let data = null;
  if (holder && "DecompressionStream" in window) {
    const bytes = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    data = JSON.parse(await new Response(unpacked).text());
  }
  const text = (tag, value, name) => {
    const node = document.createElement(tag);
    node.textContent = value;
    if (name) node.className = name;
    return node;
  };

  // --- tables that sort: a button in each head, numbers by their value ---------------------------------------------
  const sortable = (table, redraw) => {
    const heads = [...table.querySelectorAll("thead th")];
    heads.forEach((head, index) => {
      const button = text("button", head.textContent);
      button.type = "button";
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        redraw(index, up);
      });
    });
  };
  const value = (cell) => {
    const given = cell.dataset.value;
    if (given === undefined) return cell.textContent;
    return given === "" ? null : Number(given);
  };
  const compare = (a, b, up) => {
    if (a === null || b === null) return (a === null) - (b === null);
    const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b));
    return up ? order : -order;
  };
  for (const table of document.querySelectorAll("table.sorts")) {
    const body = table.tBodies[0];
    sortable(table, (index, up) => {
      const rows = [...body.rows].sort((a, b) => compare(value(a.cells[index]), value(b.cells[index]), up));
      body.append(...rows);
    });
  }

  // --- the sessions: all that the page has, filtered, sorted, a page at a time ---------------------------------------
  const table = document.getElementById("sessions-table");
  if (table && data && data.sessions) {
    const { columns, rows } = data.sessions;
    const body = table.tBodies[0];
    const tools = document.getElementById("sessions-tools");
    const filter = document.getElementById("sessions-filter");
    const status = document.getElementById("sessions-status");
    const SIZE = 50;
    let page = 0;
    let order = rows;
    const shown = (cell, column) => (cell === null ? "–" : column.unit === "s" ? seconds(cell) : String(cell));
    const seconds = (s) => (s === 0 ? "0 s" : s < 1e-3 ? `${(s * 1e6).toPrecision(3)} µs` : s < 1 ? `${(s * 1e3).toPrecision(3)} ms` : `${Number(s.toPrecision(6))} s`);
    const draw = () => {
      const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
      const hit = words.length
        ? order.filter((row) => { const line = row.join(" ").toLowerCase(); return words.every((word) => line.includes(word)); })
        : order;
      const pages = Math.max(1, Math.ceil(hit.length / SIZE));
      page = Math.min(page, pages - 1);
      body.replaceChildren(...hit.slice(page * SIZE, page * SIZE + SIZE).map((row) => {
        const line = document.createElement("tr");
        row.forEach((cell, i) => line.append(text("td", shown(cell, columns[i]), columns[i].text ? "text" : "")));
        return line;
      }));
      status.textContent = `${hit.length} of ${rows.length} sessions, page ${page + 1} of ${pages}`;
    };
    sortable(table, (index, up) => { order = [...rows].sort((a, b) => compare(a[index], b[index], up)); page = 0; draw(); });
    filter.addEventListener("input", () => { page = 0; draw(); });
    document.getElementById("sessions-before").addEventListener("click", () => { page = Math.max(0, page - 1); draw(); });
    document.getElementById("sessions-after").addEventListener("click", () => { page += 1; draw(); });
    tools.hidden = false;
    draw();
  }

  // --- a leak as a sequence chart: an image of its own, for it has its own colours ---------------------------------
  const chart = document.getElementById("chart");
  if (chart && data && data.chart) {
    const image = document.createElement("img");
    image.alt = chart.textContent;
    image.src = `data:image/svg+xml,${encodeURIComponent(data.chart)}`;
    chart.prepend(image);
    chart.hidden = false;
  }

  // --- levels that people zoom: all but the first dashed, for many are equal and one would hide the other ----------
  const place = document.getElementById("zoom");
  if (place && data && data.levels && data.levels.series.length && window.uPlot) {
    const { time, series } = data.levels;
    const toggles = place.querySelector(".toggles");
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const shows = series.map((_, i) => i < 2);
    let plot = null;
    const size = () => ({ width: Math.max(280, place.clientWidth - 20), height: 300 });
    const draw = () => {
      if (plot) plot.destroy();
      const axis = (label) => ({ label, stroke: colour("--ink"), grid: { stroke: colour("--grid") }, ticks: { stroke: colour("--grid") } });
      plot = new uPlot({
        ...size(), scales: { x: { time: false } }, axes: [axis("time, s"), axis("held")], legend: { isolate: false },
        series: [{ label: "time, s" }, ...series.map((one, i) => ({ label: one.words, stroke: colour(`--c${i % 6}`), width: i ? 1.5 : 2.5, dash: i ? [4 + 2 * i, 4] : [], show: shows[i], paths: uPlot.paths.stepped({ align: 1 }) }))],
      }, [time, ...series.map((one) => one.held)], place);
      place.append(hint);
    };
    const hint = text("p", "Drag to zoom, double-click to see all.");
    series.forEach((one, i) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      const line = document.createElement("i");
      box.type = "checkbox";
      box.checked = shows[i];
      line.style.borderTop = `${i ? ".15rem dashed" : ".2rem solid"} var(--c${i % 6})`;
      box.addEventListener("change", () => { shows[i] = box.checked; plot.setSeries(i + 1, { show: box.checked }); });
      label.append(box, " ", line, ` ${one.words}`);
      toggles.append(label);
    });
    place.hidden = false;
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    window.addEventListener("resize", () => plot.setSize(size()));
  }
  document.documentElement.dataset.drawn = "";
})();
