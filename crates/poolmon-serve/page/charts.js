// Charts as SVG. Nothing here takes text as markup: what others named stays text.
const NS = "http://www.w3.org/2000/svg";
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(value, sign = false, more = 0) {
  if (value === null || value === undefined) return "–";
  const prefix = value < 0 ? "−" : sign && value > 0 ? "+" : "";
  let number = Math.abs(value), unit = 0;
  while (number >= 1000 && unit < UNITS.length - 1) { number /= 1024; unit++; }
  const digits = unit === 0 || number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return prefix + number.toFixed(digits + (unit ? more : 0)) + " " + UNITS[unit];
}

export function count(value, sign = false) {
  if (value === null || value === undefined) return "–";
  return (value < 0 ? "−" : sign && value > 0 ? "+" : "") + Math.abs(value).toLocaleString("en-US");
}

export function svg(name, attributes = {}, ...children) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

export function spark(values) {
  const drawing = svg("svg", { class: "spark", viewBox: "0 0 120 24", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (!values) return drawing;
  const low = Math.min(...values), range = Math.max(...values) - low;
  const place = (value, at) => `${((at / (values.length - 1)) * 118 + 1).toFixed(1)},${range ? (22 - ((value - low) / range) * 20).toFixed(1) : 12}`;
  drawing.append(svg("polyline", { points: values.map(place).join(" ") }));
  return drawing;
}

// Round steps in powers of two of bytes: 0, 64 MiB, 128 MiB.
function steps(low, high) {
  const raw = Math.max((high - low) / 3, 1);
  let step = 2 ** Math.floor(Math.log2(raw));
  if ((high - low) / step > 5) step *= 2;
  const all = [];
  for (let at = Math.ceil(low / step) * step; at <= high && all.length < 8; at += step) all.push(at);
  return all;
}

// As short as they can be while no two of them are the same.
function names(all) {
  for (let more = 0; more < 6; more++) {
    const texts = all.map((value) => bytes(value, false, more));
    if (new Set(texts).size === texts.length) return texts;
  }
  return all.map((value) => bytes(value, false, 6));
}

const pad = (number) => String(number).padStart(2, "0");
export const clock = (millis, span) => {
  const at = new Date(millis);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  if (span === undefined) return `${day} ${time}:${pad(at.getSeconds())}`;
  if (span > 4 * 864e5) return day.slice(5);
  return span > 6e5 ? time : `${time}:${pad(at.getSeconds())}`;
};

// Charts that share a crosshair and a range of time.
export class Group {
  constructor(changed) { this.plots = new Set(); this.range = null; this.at = null; this.changed = changed; }
  cross(time) { for (const plot of this.plots) plot.cross(time); }
  draw() { for (const plot of this.plots) plot.draw(); }
  forget() { for (const plot of this.plots) plot.watcher.disconnect(); this.plots.clear(); }
}

export class Plot {
  constructor(group, place, options) {
    Object.assign(this, { group, place, options, points: [] });
    this.output = document.createElement("output");
    place.append(this.output);
    group.plots.add(this);
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(place);
    place.addEventListener("pointermove", (event) => this.moved(event));
    place.addEventListener("pointerleave", () => { if (!this.from) group.cross(null); });
    place.addEventListener("pointerdown", (event) => { if (event.button === 0) this.from = event.clientX; });
    place.addEventListener("pointerup", (event) => this.released(event));
    place.addEventListener("dblclick", () => group.changed({ range: null }));
  }

  set(points, marks = [], limit = null) {
    this.all = points.map((point) => ({ ...point, t: point.time ? Date.parse(point.time) : point.hours * 36e5 }));
    this.marks = marks.filter((mark) => mark.time).map((mark) => ({ ...mark, t: Date.parse(mark.time) }));
    this.limit = limit;
    this.draw();
  }

  draw() {
    if (!this.all) return;
    const [from, to] = this.group.range ?? [-Infinity, Infinity];
    this.points = this.all.filter((point) => point.t >= from && point.t <= to);
    const width = this.place.clientWidth, height = this.place.clientHeight;
    const left = 78, right = width - 6, top = 8, bottom = height - 20;
    const drawing = svg("svg", { role: "img", "aria-label": this.summary() });
    this.place.querySelector("svg")?.remove();
    this.place.prepend(drawing);
    if (!this.points.length || width < 100) { drawing.append(svg("text", { x: 8, y: height / 2 }, "No samples here yet")); return; }
    const lows = this.points.map((point) => point.least), highs = this.points.map((point) => point.most);
    let low = Math.min(...lows), high = Math.max(...highs);
    const room = Math.max((high - low) * 0.12, high * 0.004, 4096);
    low = Math.max(0, low - room); high += room;
    if (this.limit && this.limit < high * 1.5) high = Math.max(high, this.limit * 1.03);
    const first = this.points[0].t, last = Math.max(this.points.at(-1).t, first + 1000), span = last - first;
    const x = (time) => left + ((time - first) / span) * (right - left);
    const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
    Object.assign(this, { x, y, first, last, left, right, top, bottom });
    const levels = steps(low, high), texts = names(levels);
    for (const [n, step] of levels.entries()) {
      drawing.append(svg("line", { class: "grid", x1: left, x2: right, y1: y(step), y2: y(step) }), svg("text", { x: left - 8, y: y(step) + 4, "text-anchor": "end" }, texts[n]));
    }
    const wanted = Math.max(2, Math.min(6, Math.floor((right - left) / 110)));
    for (let n = 0; n < wanted; n++) {
      const time = first + (span * n) / (wanted - 1);
      const anchor = n === 0 ? "start" : n === wanted - 1 ? "end" : "middle";
      drawing.append(svg("text", { x: x(time), y: height - 3, "text-anchor": anchor }, this.points[0].time ? clock(time, span) : `${(time / 36e5).toFixed(1)} h`));
    }
    for (const part of this.parts()) {
      const line = part.map((point) => `${x(point.t).toFixed(1)},${y(point.mean).toFixed(1)}`);
      const tops = part.map((point) => `${x(point.t).toFixed(1)},${y(point.most).toFixed(1)}`);
      const floors = part.map((point) => `${x(point.t).toFixed(1)},${y(point.least).toFixed(1)}`).reverse();
      drawing.append(
        svg("polygon", { class: "area", points: [...line, `${x(part.at(-1).t)},${bottom}`, `${x(part[0].t)},${bottom}`].join(" ") }),
        svg("polygon", { class: "band", points: [...tops, ...floors].join(" ") }),
        part.length > 1 ? svg("polyline", { class: "line", points: line.join(" ") }) : svg("circle", { class: "dot", cx: x(part[0].t), cy: y(part[0].mean), r: 3 }));
    }
    if (this.limit && this.limit <= high) drawing.append(svg("line", { class: "limit", x1: left, x2: right, y1: y(this.limit), y2: y(this.limit) }), svg("text", { x: right, y: y(this.limit) - 4, "text-anchor": "end" }, "limit"));
    for (const mark of this.marks.filter((mark) => mark.t >= first && mark.t <= last)) {
      drawing.append(svg("line", { class: `mark ${mark.kind}`, x1: x(mark.t), x2: x(mark.t), y1: top, y2: bottom }, svg("title", {}, `${clock(mark.t)} ${mark.text}`)));
    }
    if (this.group.at >= first && this.group.at <= last) drawing.append(svg("line", { class: "at", x1: x(this.group.at), x2: x(this.group.at), y1: top, y2: bottom }));
    this.line = svg("line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" });
    this.band = svg("rect", { class: "pick", y: top, height: bottom - top, width: 0 });
    drawing.append(this.line, this.band);
  }

  // A reboot, or a gap many times the usual distance, parts the line.
  parts() {
    const distances = this.points.slice(1).map((point, at) => point.t - this.points[at].t).sort((a, b) => a - b);
    const usual = distances[distances.length >> 1] ?? 0;
    const parts = [];
    this.points.forEach((point, at) => {
      const before = this.points[at - 1];
      if (!before || before.boot !== point.boot || point.t - before.t > usual * 6 + 1) parts.push([]);
      parts.at(-1).push(point);
    });
    return parts;
  }

  summary() {
    if (!this.points.length) return `${this.options.label}: no samples`;
    const first = this.points[0], last = this.points.at(-1);
    return `${this.options.label}: ${bytes(first.mean)} at the start, ${bytes(last.mean)} at the end, between ${bytes(Math.min(...this.points.map((p) => p.least)))} and ${bytes(Math.max(...this.points.map((p) => p.most)))}`;
  }

  time(event) {
    const at = event.clientX - this.place.getBoundingClientRect().left;
    return this.first + ((Math.min(Math.max(at, this.left), this.right) - this.left) / (this.right - this.left)) * (this.last - this.first);
  }

  moved(event) {
    if (!this.line) return;
    this.group.cross(this.time(event));
    if (this.from && this.options.zooms) {
      const box = this.place.getBoundingClientRect();
      const [a, b] = [this.from - box.left, event.clientX - box.left].sort((a, b) => a - b);
      this.band.setAttribute("x", Math.max(a, this.left));
      this.band.setAttribute("width", Math.max(0, Math.min(b, this.right) - Math.max(a, this.left)));
    }
  }

  released(event) {
    const from = this.from;
    this.from = null;
    if (!from || !this.line) return;
    this.band.setAttribute("width", 0);
    const ends = [this.time({ clientX: from }), this.time(event)].sort((a, b) => a - b);
    if (Math.abs(event.clientX - from) > 8) { if (this.options.zooms) this.group.changed({ range: ends.map(Math.round) }); }
    else this.group.changed({ at: Math.round(ends[0]) });
  }

  cross(time) {
    if (!this.line) return;
    if (time === null || time < this.first || time > this.last) { this.line.setAttribute("visibility", "hidden"); this.output.textContent = ""; return; }
    let near = this.points[0];
    for (const point of this.points) if (Math.abs(point.t - time) < Math.abs(near.t - time)) near = point;
    const at = this.x(near.t);
    for (const end of ["x1", "x2"]) this.line.setAttribute(end, at);
    this.line.setAttribute("visibility", "visible");
    const range = near.most > near.least ? `\n${bytes(near.least)} to ${bytes(near.most)}` : "";
    this.output.textContent = `${near.time ? clock(near.t) : near.hours.toFixed(2) + " h"}\n${bytes(near.mean)}${range}`;
    const room = this.place.clientWidth - this.output.offsetWidth;
    this.output.style.left = `${Math.max(0, at + 12 > room ? at - this.output.offsetWidth - 12 : at + 12)}px`;
  }
}
