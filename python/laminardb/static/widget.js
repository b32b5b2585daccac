// A live table: asks the kernel for a frame as often as the kernel says, and draws what comes. At most AHEAD
// questions are under way, so the kernel is never ahead of the page and a slow way to it costs no frames; a
// page that is hidden, scrolled away or paused asks for nothing. Everything from data goes through textContent.

const AHEAD = 4;
const POINTS = 60;
const LIT_MS = 700; // a cell that changed is lit so long, then it fades
const SVG = "http://www.w3.org/2000/svg";

function make(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function sparkline() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${POINTS} 16`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", "lm-spark");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "polyline");
  svg.append(line);
  return { svg, line, points: [] };
}

function extend(spark, value) {
  spark.points.push(value);
  if (spark.points.length > POINTS) spark.points.shift();
  const known = spark.points.filter(p => p !== null);
  const low = Math.min(...known), high = Math.max(...known), from = POINTS - spark.points.length;
  const y = p => (high > low ? 14 - (12 * (p - low)) / (high - low) : 8);
  spark.line.setAttribute(
    "points",
    spark.points.map((p, i) => (p === null ? "" : `${from + i},${y(p).toFixed(1)}`)).join(" "),
  );
}

function heading(frame, sparks) {
  const row = make("tr");
  frame.columns.forEach((name, k) => {
    const cell = make("th", frame.numeric[k] ? "lm-n" : "", name);
    cell.append(make("span", "lm-type", frame.types[k]));
    if (frame.numeric[k] && !frame.keys.includes(k)) {
      sparks[k] = sparkline();
      cell.append(sparks[k].svg);
    }
    row.append(cell);
  });
  return row;
}

function fill(cell, text) {
  cell.textContent = text === null ? "NULL" : text;
  cell.classList.toggle("lm-null", text === null);
}

// A cell that changes all the time stays lit, which is drawn once; an animation would be drawn over and over.
function light(lit, cells) {
  const now = performance.now();
  for (const cell of cells) {
    if (!lit.has(cell)) cell.classList.add("lm-flash");
    lit.set(cell, now);
  }
}

function fade(lit) {
  const old = performance.now() - LIT_MS;
  for (const [cell, since] of lit) {
    if (since > old) continue;
    cell.classList.remove("lm-flash");
    lit.delete(cell);
  }
}

// Rows keep their place in the page while they keep their id, so only what changed is touched. What changed.
function draw(body, rows, frame) {
  const seen = new Set(frame.ids), first = rows.size === 0, changed = [];
  for (const [id, row] of rows) {
    if (!seen.has(id)) {
      row.remove();
      rows.delete(id);
    }
  }
  frame.ids.forEach((id, at) => {
    let row = rows.get(id);
    if (!row) {
      row = make("tr");
      frame.rows[at].forEach((text, k) => {
        const cell = make("td", frame.numeric[k] ? "lm-n" : "");
        fill(cell, text);
        row.append(cell);
        if (!first) changed.push(cell);
      });
      row.values = frame.rows[at];
      rows.set(id, row);
    } else {
      frame.rows[at].forEach((text, k) => {
        if (row.values[k] === text) return;
        fill(row.cells[k], text);
        changed.push(row.cells[k]);
      });
      row.values = frame.rows[at];
    }
    if (body.rows[at] !== row) body.insertBefore(row, body.rows[at] || null);
  });
  return changed;
}

function render({ model, el }) {
  const me = Math.random().toString(36).slice(2);
  const root = make("div", "laminar lm-live"), bar = make("div", "lm-controls");
  const pause = make("button", "", "Pause"), freeze = make("button", "", "Freeze");
  const rate = make("span", "lm-rate"), note = make("span", "lm-note");
  const box = make("div", "lm-box"), table = make("table", "lm-grid");
  const head = table.createTHead(), body = table.createTBody();
  pause.title = "Stop asking for rows, or go on";
  freeze.title = "Keep the rows of now in a variable";
  note.setAttribute("role", "status");
  bar.append(pause, freeze, rate, note);
  box.append(table);
  root.append(bar, box);
  el.append(root);

  let paused = false, visible = true, over = false, frames = 0, flashed = 0, began = 0;
  let waiting = null, wait = Infinity, under_way = 0, due = false, at = 0, fading = null;
  const rows = new Map(), sparks = {}, lit = new Map();
  const held = []; // frames that were under way when it was paused: few, and shown when it goes on
  let columns = "", kept = "";

  const ask = () => {
    waiting = null;
    due = under_way >= (wait === Infinity ? 1 : AHEAD);
    if (due || paused || over || !visible || document.hidden) return;
    under_way += 1;
    model.send({ kind: "next", view: me });
    if (wait === Infinity) return;
    const now = performance.now();
    at = Math.max(at, now - AHEAD * wait) + wait; // a clock that is late is made up for
    later(at - now);
  };
  const later = ms => {
    if (waiting === null) waiting = setTimeout(ask, ms);
  };
  const show = frame => {
    if (frame.columns) {
      const shape = JSON.stringify([frame.columns, frame.types]);
      if (shape !== columns) {
        columns = shape;
        head.replaceChildren(heading(frame, sparks));
      }
      const changed = draw(body, rows, frame);
      flashed += changed.length;
      light(lit, changed);
      fade(lit);
      if (lit.size && fading === null) fading = setTimeout(() => ((fading = null), fade(lit)), LIT_MS + 50);
      frame.means.forEach((mean, k) => sparks[k] && extend(sparks[k], mean));
    }
    rate.textContent = `${frame.rate.toLocaleString("en")} rows/s`;
    note.textContent = [frame.note, kept].filter(Boolean).join(", ");
    note.classList.toggle("lm-bad", Boolean(frame.failed));
    over = Boolean(frame.over);
    if (over) root.dataset.over = "1";
    frames += 1;
    began = began || performance.now();
    root.dataset.frames = frames;
    root.dataset.flashed = flashed;
    root.dataset.fps = ((1000 * frames) / Math.max(1, performance.now() - began)).toFixed(1);
  };
  const hear = frame => {
    if (frame.kind === "frozen") {
      kept = note.textContent = frame.note;
      return;
    }
    if (frame.kind !== "frame" || frame.view !== me) return;
    under_way -= 1;
    const first = wait === Infinity;
    wait = frame.wait;
    if (paused) held.push(frame);
    else show(frame);
    if (first) later(wait);
    else if (due) later(0);
  };
  const wake = () => later(0); // a question that is due anyway stays where it is

  pause.onclick = () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    root.dataset.paused = paused ? "1" : "";
    if (paused) return;
    held.splice(0).forEach(show);
    wake();
  };
  freeze.onclick = () => model.send({ kind: "freeze", view: me });
  const watch = new IntersectionObserver(found => {
    visible = found[found.length - 1].isIntersecting;
    if (visible) wake();
  });
  watch.observe(root);
  document.addEventListener("visibilitychange", wake);
  model.on("msg:custom", hear);
  wake();
  return () => {
    over = true;
    watch.disconnect();
    document.removeEventListener("visibilitychange", wake);
    model.off("msg:custom", hear);
  };
}

export default { render };
