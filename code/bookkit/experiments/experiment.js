// <nn-experiment>: moves the artists of a picture as the reader sets the controls.
// The numbers were computed in Python and are packed in the page (see pack.py); nothing is loaded, nothing is computed here.
(() => {
  "use strict";
  const BREAK = -32768;
  const KNOTS = 33;                                    // of a line that a reader draws
  const WIDTH = { outline: 3, words: 2, raster: 1 };   // references a form takes (see shapes.py)
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // How many settings the data hold.
  const sizeOf = ({ sparse, controls }) => (sparse ? 1 : controls.reduce((product, c) => product * c.values.length, 1));

  // Five parts, as stream.py writes them: record lengths, records, references, pixels, texts.
  async function unpack(packed) {
    const zipped = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
    const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("deflate"));
    const raw = new Uint8Array(await new Response(stream).arrayBuffer());
    let at = 0;
    const read = (count, width) => {
      const out = new Int32Array(count);
      for (let plane = 0; plane < width; plane++)
        for (let i = 0; i < count; i++) out[i] |= raw[at++] << (8 * plane);
      return out;
    };
    const { lengths: n, values, refs, pixels } = packed.counts;
    const lengths = read(n, 4), numbers = new Int16Array(read(values, 2)), references = read(refs, 4);
    const records = [];
    for (let r = 0, begin = 0; r < n; begin += lengths[r++]) {
      const record = numbers.subarray(begin, begin + lengths[r]);
      for (let i = 1; i < record.length; i++) record[i] += record[i - 1];
      records.push(record);
    }
    let from = 0;
    const column = (count) => {
      const part = references.subarray(from, (from += count));
      for (let i = 1; i < count; i++) part[i] += part[i - 1];
      return part;
    };
    const size = sizeOf(packed);
    const table = (width, frames) => Array.from({ length: width }, () => column(size * frames));
    const sentences = table(packed.words, packed.step ? packed.step.count : 1);
    const tables = packed.artists.map((a) => table(a.parts * WIDTH[a.form], a.frames));
    const levels = raw.subarray(at, (at += pixels));
    return { records, sentences, tables, levels, texts: JSON.parse(new TextDecoder().decode(raw.subarray(at))) };
  }

  // One drawing function for each form of shape (see shapes.py); `group` holds its elements in the picture.
  const draw = {
    words(group, artist, [text, place], data) {
      const rows = data.texts[text].split("\n");
      group.querySelectorAll(".nn-text").forEach((line, i) => { line.textContent = rows[i] || ""; });
      if (place < 0) return;
      const [x, y] = group.dataset.at.split(" "), [toX, toY] = data.records[place];
      group.setAttribute("transform", `translate(${toX / 10 - x} ${toY / 10 - y})`);
    },
    raster(group, artist, [ref], data) {
      const [rows, columns] = artist.shape, canvas = artist.canvas || (artist.canvas = makeCanvas(group, artist));
      const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
      const colours = new Uint32Array(image.data.buffer);
      for (let i = 0, level = 0; i < colours.length; i++) {
        level = (level + data.levels[ref + i]) & 255;
        colours[i] = artist.rgba[level];
      }
      context.putImageData(image, 0, 0);
    },
    outline(group, artist, refs, data, step) {
      const { xs, ys, first, last } = points(artist, refs, data, step);
      const path = group.querySelector(".nn-line, .nn-area");
      if (path) path.setAttribute("d", outline(xs, ys, first, last, path.classList.contains("nn-area")));
      spread(group, xs, ys, first, last);
    },
  };

  // The points an artist shows: xs and ys from the first to the last.
  function points(artist, [xRef, yRef, stopRef], data, step) {
    const xs = data.records[xRef], ys = data.records[yRef], stops = stopRef < 0 ? null : data.records[stopRef];
    let first = 0, last = xs.length;
    if (artist.mode === "trail" || artist.mode === "head") {
      last = stops ? stops[Math.min(step, stops.length - 1)] ?? 0 : Math.min(step + 1, xs.length);
      if (artist.mode === "head") first = Math.max(last - 1, 0);
    }
    return { xs, ys, first, last };
  }

  function outline(xs, ys, first, last, closed) {
    let d = "", pen = "M";
    for (let i = first; i < last; i++) {
      if (xs[i] === BREAK) { if (closed && d) d += "Z"; pen = "M"; continue; }
      d += pen + xs[i] / 10 + " " + ys[i] / 10;
      pen = "L";
    }
    return closed && d ? d + "Z" : d;
  }

  // One mark for every point: copies of the last when they are too few, the surplus hidden.
  function spread(group, xs, ys, first, last) {
    const marks = group.marks || (group.marks = [...group.querySelectorAll(".nn-mark")]);
    if (!marks.length) return;
    let used = 0;
    for (let i = first; i < last; i++) {
      if (xs[i] === BREAK) continue;
      if (used === marks.length) {
        const copy = marks[used - 1].cloneNode(true);
        marks[used - 1].after(copy);
        marks.push(copy);
      }
      marks[used].setAttribute("transform", `translate(${xs[i] / 10} ${ys[i] / 10})`);
      marks[used++].removeAttribute("visibility");
    }
    for (; used < marks.length; used++) marks[used].setAttribute("visibility", "hidden");
  }

  // Images are drawn on a canvas behind the picture: a changed <image> would flicker.
  function makeCanvas(group, artist) {
    const image = group.querySelector(".nn-image"), svg = image.ownerSVGElement, box = svg.viewBox.baseVal;
    const canvas = document.createElement("canvas"), share = (name, whole) => `${(100 * image.getAttribute(name)) / whole}%`;
    [canvas.height, canvas.width] = artist.shape;
    canvas.className = image.classList.contains("nn-pixels") ? "nn-canvas nn-pixels" : "nn-canvas";
    Object.assign(canvas.style, { left: share("x", box.width), width: share("width", box.width),
      top: share("y", box.height), height: share("height", box.height) });
    svg.before(canvas);
    image.setAttribute("visibility", "hidden");
    const bytes = artist.palette.map((code) => parseInt(code, 16));
    artist.rgba = bytes.map((rgb) => (0xff000000 | ((rgb & 255) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0);
    return canvas;
  }

  // An artist that the reader takes hold of in the picture. It knows no scale: of the prepared settings it takes the
  // one that brings the artist nearest to the pointer, and it shares its state with the sliders.
  class Handle {
    constructor(owner, { artist, controls, label }) {
      Object.assign(this, { owner, artist, controls });
      this.svg = owner.packed.artists[artist].groups[0].ownerSVGElement;
      this.panel = this.svg.closest(".nn-panel");
      const grip = this.grip = document.createElement("span");
      grip.className = "nn-grip";
      grip.tabIndex = 0;
      const about = { role: "slider", "aria-label": `${label}: drag, or use the arrow keys`, "aria-valuemin": 0, "aria-valuemax": this.count(controls[0]) - 1 };
      for (const [name, value] of Object.entries(about)) grip.setAttribute(name, value);
      this.panel.append(grip);
      grip.addEventListener("pointerdown", (event) => this.take(event));
      // A mouse may press anywhere in the picture; a finger there scrolls the page.
      this.panel.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse" && !event.defaultPrevented) this.take(event); });
      grip.addEventListener("keydown", (event) => this.press(event));
    }

    count(which) {
      const { controls, step } = this.owner.packed;
      return which === "step" ? step.count : controls[which].values.length;
    }

    // The present state with some of the controls moved: [control, place] pairs.
    state(moved) {
      const position = [...this.owner.position];
      let step = this.owner.step;
      for (const [which, place] of moved) if (which === "step") step = place; else position[which] = place;
      return [position, step];
    }

    // The box around the artist in a state, in the picture's own units; null where nothing is drawn.
    box(position, step) {
      const { owner, artist } = this, spec = owner.packed.artists[artist];
      const { xs, ys, first, last } = points(spec, owner.refs(artist, position, step), owner.data, step);
      let box = null;
      for (let i = first; i < last; i++) {
        if (xs[i] === BREAK) continue;
        const x = xs[i] / 10, y = ys[i] / 10;
        box = box ? [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)] : [x, y, x, y];
      }
      return box;
    }

    // Every state that this handle can reach, and where the artist then is.
    *reachable() {
      const [a, b] = this.controls;
      for (let i = 0; i < this.count(a); i++)
        for (let j = 0; j < (b === undefined ? 1 : this.count(b)); j++) {
          const state = this.state(b === undefined ? [[a, i]] : [[a, i], [b, j]]), box = this.box(...state);
          if (box) yield { state, box };
        }
    }

    moveTo([x, y]) {
      let best = null, least = Infinity;
      for (const { state, box } of this.reachable()) {
        const away = Math.hypot(Math.max(box[0] - x, 0, x - box[2]), Math.max(box[1] - y, 0, y - box[3]));
        if (away < least) [best, least] = [state, away];
      }
      if (best) this.owner.set(...best);
    }

    take(event) {
      if (event.button > 0 || !this.owner.data || this.owner.asking) return;
      event.preventDefault();
      this.owner.pause();
      this.grip.focus({ preventScroll: true });
      this.grip.setPointerCapture(event.pointerId);
      const drag = (move) => this.moveTo(placeIn(this.svg, move));
      const end = () => {
        this.grip.removeEventListener("pointermove", drag);
        for (const over of ["pointerup", "pointercancel"]) this.grip.removeEventListener(over, end);
      };
      this.grip.addEventListener("pointermove", drag);
      for (const over of ["pointerup", "pointercancel"]) this.grip.addEventListener(over, end);
      drag(event);
    }

    // An arrow key takes the next setting that moves the artist that way.
    press(event) {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      const here = way && this.owner.data && this.box(this.owner.position, this.owner.step);
      if (!here) return;
      event.preventDefault();
      this.owner.pause();
      let best = null, most = 0;
      for (const which of this.controls)
        for (const by of [-1, 1]) {
          const place = (which === "step" ? this.owner.step : this.owner.position[which]) + by;
          if (place < 0 || place >= this.count(which)) continue;
          const state = this.state([[which, place]]), box = this.box(...state);
          if (!box) continue;
          const along = way[0] * (box[0] + box[2] - here[0] - here[2]) + way[1] * (box[1] + box[3] - here[1] - here[3]);
          if (along > most) [best, most] = [state, along];
        }
      if (best) this.owner.set(...best);
    }

    // Stand where the artist is, and say so.
    update() {
      const { owner, grip } = this, box = this.box(owner.position, owner.step);
      const view = this.svg.viewBox.baseVal, within = (v, most) => v >= 0 && v <= most;
      const [x, y] = box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : [-1, -1];
      grip.hidden = !within(x, view.width) || !within(y, view.height);
      Object.assign(grip.style, { left: `${(100 * x) / view.width}%`, top: `${(100 * y) / view.height}%` });
      const texts = this.controls.map((which) => owner.text(which));
      grip.setAttribute("aria-valuenow", this.controls[0] === "step" ? owner.step : owner.position[this.controls[0]]);
      grip.setAttribute("aria-valuetext", texts.join(", "));
    }
  }

  // Between places in a picture and values: the axes as reading.py describes them.
  const along = ([from, to, log], share) => (log ? from * (to / from) ** share : from + share * (to - from));
  const SUPER = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

  function written(value) {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e-3 && size < 1e5) return String(+value.toPrecision(3)).replace("-", "−");
    const [front, power] = value.toExponential(1).split("e");
    return `${front.replace("-", "−").replace(".0", "")}·10${[...power.replace("+", "")].map((c) => SUPER[c]).join("")}`;
  }

  // The scales of an axes in the present state: they change where several surfaces share a window.
  function scales(axes, owner) {
    if (!axes.windows) return [axes.x, axes.y];
    const [x0, x1, y0, y1] = axes.windows[owner.position[axes.by]];
    return [[x0, x1, 0], [y0, y1, 0]];
  }

  function valuesAt(axes, owner, x, y) {
    const [x0, y0, x1, y1] = axes.box, [across, up] = scales(axes, owner);
    return [along(across, (x - x0) / (x1 - x0)), along(up, (y1 - y) / (y1 - y0))];
  }

  // A value as a picture's reader says it: "loss 0.43 nats".
  function spoken(axes, which, value) {
    const [name, unit] = axes.labels[which];
    return `${name || "xy"[which]} ${written(value)}${unit === "per cent" || unit === "%" ? " %" : unit && ` ${unit}`}`;
  }

  // Reads values off one panel: where the mouse is, where a finger taps, and along curves by the arrow keys.
  class Reader {
    constructor(owner, panel, number) {
      Object.assign(this, { owner, panel });
      this.svg = panel.querySelector("svg");
      this.things = owner.packed.artists.map((artist, n) => ({ artist, n, axes: owner.packed.axes[artist.axes] }))
        .filter(({ axes }) => axes && axes.panel === number);
      if (!this.things.length) return;
      this.label = panel.appendChild(document.createElement("span"));
      this.label.className = "nn-read";
      this.label.setAttribute("aria-hidden", "true");
      const probe = this.probe = panel.appendChild(document.createElement("span"));
      probe.className = "nn-probe";
      probe.tabIndex = 0;
      const name = `Read values${owner.readers.length ? ` in picture ${number + 1}` : ""}: arrow keys move, Enter takes the next curve`;
      for (const [key, value] of Object.entries({ role: "slider", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 0, "aria-valuenow": 0, "aria-valuetext": "" }))
        probe.setAttribute(key, value);
      [this.which, this.at] = [0, -1];
      panel.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") this.hover(event, 12); });
      panel.addEventListener("pointerleave", () => this.hide());
      panel.addEventListener("click", (event) => { if (event.pointerType !== "mouse" && event.detail && !owner.asking) this.tap(event); });
      probe.addEventListener("focus", () => this.read());
      probe.addEventListener("blur", () => this.hide());
      probe.addEventListener("keydown", (event) => this.press(event));
    }

    // What can be read off a thing: places in the picture, and the words for each.
    spots({ artist, n, axes }) {
      const { owner } = this, { data } = owner, refs = owner.refs(n, owner.position, owner.step), found = [];
      const named = (words) => (words ? `${words}: ` : "");
      const [left, top, right, bottom] = axes.box, inside = (x, y) => x >= left - 1 && x <= right + 1 && y >= top - 1 && y <= bottom + 1;
      if (artist.form === "raster") {
        const [rows, columns] = artist.shape, [x0, y0, width, height] = artist.place, [low, high] = artist.ends;
        let level = 0;
        for (let i = 0; i < rows * columns; i++) {
          level = (level + data.levels[refs[0] + i]) & 255;
          const x = x0 + ((i % columns) + 0.5) * (width / columns), y = y0 + (Math.floor(i / columns) + 0.5) * (height / rows);
          const count = artist.palette.length - 1, share = (level + 0.5) / count;
          const said = level >= count ? "no value" : `${level === 0 ? "at most " : level === count - 1 ? "at least " : "about "}${written(+(low + share * (high - low)).toPrecision(2))}`;
          found.push({ x, y, say: () => `${this.place(axes, x, y)}: ${artist.says} ${said}` });
        }
      } else if (artist.parts > 1) {
        for (let i = 0; i < artist.parts; i++) {
          const xs = data.records[refs[3 * i]], ys = data.records[refs[3 * i + 1]];
          const tip = artist.upright ? [(xs[0] + xs[2]) / 20, ys[1] / 10] : [xs[1] / 10, (ys[0] + ys[2]) / 20];
          const value = (x, y) => valuesAt(axes, owner, x, y)[artist.upright ? 1 : 0];
          found.push({ x: tip[0], y: tip[1], say: () => `${named(artist.says[i])}${spoken(axes, artist.upright ? 1 : 0, value(...tip))}` });
        }
      } else {
        const { xs, ys, first, last } = points(artist, refs, data, owner.step), counted = artist.mode === "trail" && refs[2] < 0;
        for (let i = first; i < last; i++) {
          const x = xs[i] / 10, y = ys[i] / 10;
          if (xs[i] === BREAK || !inside(x, y)) continue;
          const step = counted && axes.labels[0][0] !== owner.packed.step.label ? `${owner.packed.step.label} ${owner.packed.step.values[i]}, ` : "";
          found.push({ x, y, joins: i + 1 < last && xs[i + 1] !== BREAK, say: (a = x, b = y) => `${named(artist.says)}${step}${this.place(axes, a, b)}` });
        }
      }
      return found;
    }

    place(axes, x, y) {
      return valuesAt(axes, this.owner, x, y).map((value, which) => spoken(axes, which, value)).join(", ");
    }

    // The nearest thing within reach of a place; maps only where nothing lies on them.
    nearest([x, y], reach) {
      let best = null, least = reach;
      for (const thing of this.things) {
        const spots = this.spots(thing), { artist } = thing, line = artist.form === "outline" && artist.parts === 1;
        spots.forEach((spot, i) => {
          const away = Math.hypot(spot.x - x, spot.y - y);
          if (line && away < least) [best, least] = [{ ...spot, text: spot.say() }, away];
          const next = spots[i + 1];
          if (!line || !spot.joins || !next) return;
          const [dx, dy] = [next.x - spot.x, next.y - spot.y], long = dx * dx + dy * dy;
          if (long < 64) return;                             // points as dense as that are read one by one
          const share = Math.min(Math.max(((x - spot.x) * dx + (y - spot.y) * dy) / long, 0), 1);
          const a = spot.x + share * dx, b = spot.y + share * dy, far = Math.hypot(a - x, b - y) + 3;
          if (far < least) [best, least] = [{ x: a, y: b, text: spot.say(a, b) }, far];
        });
      }
      if (best) return best;
      for (const thing of this.things) {
        const { artist, axes } = thing, [x0, y0, x1, y1] = axes.box;
        if (x < x0 || x > x1 || y < y0 || y > y1 || (artist.form === "outline" && artist.parts === 1)) continue;
        const bars = artist.form !== "raster", gap = ({ x: a, y: b }) => (!bars ? Math.hypot(a - x, b - y) : Math.abs(artist.upright ? a - x : b - y));
        const spot = this.spots(thing).reduce((one, other) => (gap(other) < gap(one) ? other : one));
        return { ...spot, text: spot.say() };
      }
      return null;
    }

    hover(event, reach) {
      if (event.buttons || !this.owner.data) { this.hide(); return null; }
      const spot = this.nearest(placeIn(this.svg, event), reach);
      if (spot) this.show(spot, spot.text); else this.hide();
      return spot;
    }

    tap(event) {
      const spot = this.hover(event, 24);
      if (spot) this.owner.querySelector(".nn-spoken").textContent = spot.text;
    }

    // Read where the keys stand: the last point of the first curve to begin with.
    read() {
      if (!this.owner.data) return;
      const spots = this.spots(this.things[this.which]), last = spots.length - 1;
      this.at = this.at < 0 ? last : Math.min(this.at, last);
      const spot = spots[this.at], text = spot ? spot.say() : "nothing in the picture";
      this.probe.setAttribute("aria-valuemax", Math.max(last, 0));
      this.probe.setAttribute("aria-valuenow", Math.max(this.at, 0));
      this.probe.setAttribute("aria-valuetext", text);
      if (spot) this.show(spot, text); else this.hide();
    }

    press(event) {
      const { artist } = this.things[this.which], wide = artist.form === "raster" ? artist.shape[1] : 10;
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide, Home: -1e9, End: 1e9 }[event.key];
      if (event.key === "Enter") [this.which, this.at] = [(this.which + 1) % this.things.length, -1];
      else if (by) this.at = Math.max(this.at + by, 0);
      else return;
      event.preventDefault();
      this.read();
    }

    show({ x, y }, text) {
      const view = this.svg.viewBox.baseVal, { label, probe } = this;
      label.textContent = text;
      Object.assign(label.style, { left: `${(100 * x) / view.width}%`, top: `${(100 * y) / view.height}%` });
      Object.assign(probe.style, { left: label.style.left, top: label.style.top });
      label.dataset.side = `${y > 0.35 * view.height ? "above" : "below"} ${x < 0.35 * view.width ? "right" : x > 0.65 * view.width ? "left" : "middle"}`;
      label.dataset.shown = probe.dataset.shown = "";
    }

    hide() {
      for (const part of [this.label, this.probe]) delete part.dataset.shown;
    }

    update() {
      if (!this.things.length) return;
      if (document.activeElement === this.probe) this.read(); else this.hide();
    }
  }

  // Where a pointer is, in the picture's own units.
  function placeIn(svg, event) {
    const view = svg.viewBox.baseVal, seen = svg.getBoundingClientRect();
    return [((event.clientX - seen.left) * view.width) / seen.width, ((event.clientY - seen.top) * view.height) / seen.height];
  }

  // A line that the reader draws before seeing the true one: heights at even places, as shares of the axes.
  class Sketch {
    constructor(owner, n) {
      const artist = owner.packed.artists[n];
      Object.assign(this, { owner, n, axes: owner.packed.axes[artist.axes], heights: Array(KNOTS).fill(null), at: 0 });
      const picture = artist.groups[0].ownerSVGElement;
      this.panel = picture.closest(".nn-panel");
      this.svg = picture.cloneNode(false);
      this.svg.setAttribute("class", "nn-sketch");
      this.line = this.svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
      this.panel.append(this.svg);
      const pen = this.pen = this.panel.appendChild(document.createElement("span"));
      pen.className = "nn-pen";
      pen.tabIndex = 0;
      for (const [key, value] of Object.entries({ role: "slider", "aria-label": "Your line: left and right move the pen, up and down draw", "aria-valuemin": 0, "aria-valuemax": 100 }))
        pen.setAttribute(key, value);
      this.svg.addEventListener("pointerdown", (event) => this.take(event));
      pen.addEventListener("keydown", (event) => this.press(event));
      this.update();
    }

    get done() { return this.heights.some((height) => height !== null); }

    // Pen places and heights of the picture: knot i stands at share i of the axes.
    spot(i) {
      const [x0, y0, x1, y1] = this.axes.box, height = this.heights[i] ?? 500;
      return [x0 + (i / (KNOTS - 1)) * (x1 - x0), y1 - (height / 1000) * (y1 - y0)];
    }

    put([x, y]) {
      const [x0, y0, x1, y1] = this.axes.box, keep = (v, most) => Math.round(Math.min(Math.max(v, 0), most));
      const to = keep(((x - x0) / (x1 - x0)) * (KNOTS - 1), KNOTS - 1), height = keep(((y1 - y) / (y1 - y0)) * 1000, 1000);
      const from = this.drawing ? this.at : to, begin = this.heights[from] ?? height;
      for (let i = from; ; i += Math.sign(to - from)) {
        this.heights[i] = Math.round(from === to ? height : begin + ((height - begin) * (i - from)) / (to - from));
        if (i === to) break;
      }
      [this.at, this.drawing] = [to, true];
      this.update();
    }

    take(event) {
      if (event.button > 0) return;
      event.preventDefault();
      this.pen.focus({ preventScroll: true });
      this.svg.setPointerCapture(event.pointerId);
      const drag = (move) => this.put(placeIn(this.svg, move));
      const end = () => { this.drawing = false; this.svg.removeEventListener("pointermove", drag); };
      this.svg.addEventListener("pointermove", drag);
      for (const over of ["pointerup", "pointercancel"]) this.svg.addEventListener(over, end, { once: true });
      drag(event);
    }

    press(event) {
      const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key], up = { ArrowUp: 50, ArrowDown: -50 }[event.key];
      if (!across && !up) return;
      event.preventDefault();
      const before = this.heights[this.at] ?? 500;
      if (across) this.at = Math.min(Math.max(this.at + across, 0), KNOTS - 1);
      this.heights[this.at] = Math.min(Math.max((across ? this.heights[this.at] ?? before : before) + (up || 0), 0), 1000);
      this.update();
    }

    update() {
      const view = this.svg.viewBox.baseVal, [x, y] = this.spot(this.at), drawn = [];
      this.heights.forEach((height, i) => { if (height !== null) drawn.push(this.spot(i).join(" ")); });
      this.line.setAttribute("d", drawn.length ? `M${drawn.join("L")}` : "");
      Object.assign(this.pen.style, { left: `${(100 * x) / view.width}%`, top: `${(100 * y) / view.height}%` });
      this.pen.setAttribute("aria-valuenow", (this.heights[this.at] ?? 500) / 10);
      const values = valuesAt(this.axes, this.owner, x, y);
      this.pen.setAttribute("aria-valuetext", values.map((value, which) => spoken(this.axes, which, value)).join(", "));
    }

    // How far it lies from what happened: the mean gap as a share of the axis.
    gap() {
      const { owner, n } = this, artist = owner.packed.artists[n], [, y0, , y1] = this.axes.box;
      const { xs, ys, first, last } = points(artist, owner.refs(n, owner.position, owner.step), owner.data, owner.step);
      const gaps = [];
      this.heights.forEach((height, i) => {
        const [x, y] = this.spot(i);
        for (let k = first; height !== null && k + 1 < last; k++) {
          if (xs[k] === BREAK || xs[k + 1] === BREAK || x < xs[k] / 10 || x >= xs[k + 1] / 10) continue;
          const share = (10 * x - xs[k]) / (xs[k + 1] - xs[k]), curve = (ys[k] + share * (ys[k + 1] - ys[k])) / 10;
          gaps.push(Math.abs(Math.min(Math.max(curve, y0), y1) - y) / (y1 - y0));
          break;
        }
      });
      return gaps.length ? gaps.reduce((sum, gap) => sum + gap) / gaps.length : null;
    }
  }

  // The question before the controls open. What was answered is kept in the browser, for this experiment.
  class Ask {
    constructor(owner) {
      Object.assign(this, { owner, spec: owner.packed.predict, key: `nn-predict:${owner.id}`, guess: null, seen: false });
      this.form = owner.querySelector(".nn-ask");
      this.told = owner.querySelector(".nn-guess");
      this.form.addEventListener("submit", (event) => { event.preventDefault(); this.answer(); });
      for (const part of [this.form, this.told])
        part.addEventListener("click", (event) => { this[event.target.dataset.ask]?.(); });
      owner.querySelector(".nn-seen").addEventListener("toggle", (event) => { if (event.target.open) { this.seen = true; this.tell(); } });
    }

    // Ask, unless the reader has answered before or comes by a link to a setting.
    begin(linked) {
      try { this.guess = JSON.parse(localStorage.getItem(this.key)); } catch { /* private windows may forbid it */ }
      if (this.guess === null && !linked) this.open(false); else this.open(true);
    }

    open(opened) {
      this.owner.toggleAttribute("data-asking", !opened);
      this.owner.form.inert = !opened;
      this.form.hidden = opened;
      this.tell();
      this.line();
    }

    get drawn() { return this.spec.draw !== undefined; }

    // The reader's own line, once there is something to draw it on.
    line() {
      if (!this.drawn || !this.owner.data) return;
      this.sketch = this.sketch || new Sketch(this.owner, this.spec.draw);
      if (this.guess?.line) this.sketch.heights = this.guess.line;
      this.sketch.svg.toggleAttribute("data-done", !this.owner.asking);
      this.sketch.pen.hidden = !this.owner.asking;
      this.sketch.update();
    }

    answer() {
      if (this.drawn && !this.sketch?.done) { this.form.querySelector(".nn-said").textContent = "Draw a line first, or skip."; return; }
      const [field] = new FormData(this.form).values();
      this.keep(this.drawn ? { line: this.sketch.heights } : { words: field });
      this.leave();
    }

    keep(guess) {
      this.guess = guess;
      try { localStorage.setItem(this.key, JSON.stringify(guess)); } catch { /* then it lasts as long as the page */ }
    }

    leave() {
      const deck = this.form.parentNode;                     // what is below stays where it is
      deck.style.minHeight = `${deck.getBoundingClientRect().height}px`;
      this.open(true);
      this.owner.form.querySelector("[data-control]").focus({ preventScroll: true });
    }

    skip() {
      this.keep({});
      this.leave();
    }

    again() {
      try { localStorage.removeItem(this.key); } catch { /* see keep */ }
      [this.guess, this.seen] = [null, false];
      this.form.reset();
      if (this.sketch) this.sketch.heights.fill(null);
      this.owner.pause();
      this.owner.reset();
      this.open(false);
      (this.sketch?.pen || this.form.querySelector("input")).focus({ preventScroll: true });
    }

    // Go where it shows: with a step, play up to it.
    happens() {
      const { owner } = this, { at, step } = this.spec;
      owner.pause();
      const position = at ? at.map((place, n) => (place < 0 ? owner.position[n] : place)) : owner.position;
      if (!at || !owner.packed.step || calm()) { this.seen = true; owner.set(position, at ? step : owner.step); }
      else { owner.set(position, 0); owner.play(step); }
      if (!at) owner.querySelector(".nn-seen").open = true;
    }

    // Has the reader come to the settings where it shows?
    update() {
      const { at, step } = this.spec, { owner } = this;
      if (!owner.touched || owner.asking) return;
      if (at && at.every((place, n) => place < 0 || place === owner.position[n]) && owner.step === step) this.seen = true;
      this.tell();
    }

    tell() {
      const { guess, spec } = this, words = guess?.words, said = this.told.querySelector("p");
      this.told.hidden = this.owner.asking || !(words || guess?.line);
      if (this.told.hidden) return;
      let text = words ? `You predicted: “${words}”.` : "Your line is dashed.";
      if (!this.seen) text += " Now try it.";
      else if (words && spec.right) text += words === spec.right ? " And so it is." : ` What happens: “${spec.right}”.`;
      else if (words) text += " Beside it stands what happens, explained below.";
      else {
        const gap = this.sketch && this.owner.data ? this.sketch.gap() : null;
        if (gap !== null) text += ` On average it lies ${Math.round(100 * gap)} % of the axis from the curve shown.`;
      }
      if (said.textContent !== text) said.textContent = text;
      this.told.querySelector("[data-ask=happens]").hidden = !spec.at && this.seen;
    }
  }

  // The clock that plays; a test puts one of its own in its place.
  const time = {
    now: () => performance.now(),
    frame: (tick) => requestAnimationFrame(tick),
    cancel: (ticket) => cancelAnimationFrame(ticket),
  };

  class NnExperiment extends HTMLElement {
    static time = time;

    connectedCallback() {
      if (this.packed) return;
      this.packed = JSON.parse(this.querySelector("script").textContent);
      this.form = this.querySelector(".nn-controls");
      this.ask = new Ask(this);
      this.panels = this.querySelector(".nn-panels");
      this.picture = this.panels.querySelector("[role=img]");
      this.packed.artists.forEach((artist) => {
        artist.groups = [...this.panels.querySelectorAll(`[data-move="${artist.name}"]`)];
      });
      this.reset();
      this.form.addEventListener("input", (event) => this.changed(event.target));
      this.form.addEventListener("click", (event) => this.clicked(event.target.closest("[data-do]")));
      this.form.addEventListener("submit", (event) => event.preventDefault());
      addEventListener("beforeprint", () => { this.pause(); this.kept = [this.position, this.step]; this.reset(); });
      addEventListener("afterprint", () => { if (this.kept) this.show(...this.kept); });
      this.linkCode();
      const play = this.form.querySelector("[data-do=play]");
      if (play && calm()) { play.textContent = "Next"; play.parentNode.querySelector("label").hidden = true; }
      if (!("DecompressionStream" in window)) return;     // an old browser keeps the starting picture
      this.form.hidden = false;
      const linked = this.restore();
      this.ask.begin(linked || this.packed.sparse);
      if (linked && location.hash === `#${this.id}`) {
        for (let fold = this.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
        this.scrollIntoView({ behavior: "instant" });
      }
      new IntersectionObserver((entries, observer) => {
        if (entries.some((entry) => entry.isIntersecting)) { observer.disconnect(); this.ready(); }
      }, { rootMargin: "600px" }).observe(this);
      if (linked) this.ready();
    }

    // The name of the code leads to the cell that defines it, the nearest above; in a lone card there is none.
    linkCode() {
      const code = this.querySelector(".nn-code code");
      if (!code) return;
      const cells = [...document.querySelectorAll(".cell")], own = this.closest(".cell");
      const above = cells.slice(0, cells.indexOf(own) + 1).reverse();
      const cell = above.find((one) => new RegExp(`def ${code.textContent}\\(`).test(one.querySelector(".cell_input")?.textContent)) || own;
      if (!cell) return;
      cell.id = cell.id || `${this.id}-code`;
      const link = document.createElement("a");
      link.href = `#${cell.id}`;
      code.replaceWith(link);
      link.append(code);
      link.addEventListener("click", () => { for (const fold of cell.querySelectorAll("details")) if (!this.contains(fold) && !fold.contains(this)) fold.open = true; });
    }

    // Decode once, when first needed.
    ready() {
      this.decoding = this.decoding || unpack(this.packed).then((data) => {
        this.data = data;
        this.readers = [];
        for (const [number, panel] of this.panels.querySelectorAll(".nn-panel").entries()) this.readers.push(new Reader(this, panel, number));
        this.handles = this.packed.handles.map((spec) => new Handle(this, spec));
        this.ask.line();
        this.show(this.position, this.step);
        this.dataset.ready = "";
      });
      return this.decoding;
    }

    get asking() { return "asking" in this.dataset; }

    reset() {
      const { controls, step } = this.packed;
      this.show(controls.map((control) => control.start), step ? step.start : 0);
    }

    // The references of an artist in one state.
    refs(n, position, step) {
      const artist = this.packed.artists[n], row = this.setting(position) * artist.frames + Math.min(step, artist.frames - 1);
      return this.data.tables[n].map((column) => column[row]);
    }

    // The place of a setting in the tables: Python's own answer stands behind the prepared ones.
    setting(position) {
      if (this.answer && String(position) === String(this.position)) return sizeOf(this.packed);
      if (this.packed.sparse) return 0;
      return this.packed.controls.reduce((i, control, n) => i * control.values.length + Math.round(position[n]), 0);
    }

    text(which) {
      if (which === "step") return this.packed.step.texts[this.step];
      return this.answer ? this.answer.controls[which].text : this.packed.controls[which].texts[Math.round(this.position[which])];
    }

    // What the reader sets; a screen reader hears of it.
    set(position, step) {
      this.touched = true;
      this.show(position, step);
    }

    // Show one setting: positions of the controls in their lists, and the step.
    show(position, step) {
      [this.position, this.step] = [position, step];
      if (this.source) this.inquire();
      this.setControls();
      if (!this.data) return;
      const data = this.data;
      this.packed.artists.forEach((artist, n) => {
        const refs = this.refs(n, position, step), along = artist.mode === "trail" || artist.mode === "head";
        const state = `${refs} ${along ? step : ""}`, width = WIDTH[artist.form];
        if (artist.state === state) return;
        artist.state = state;
        artist.groups.forEach((group, i) => draw[artist.form](group, artist, refs.slice(i * width, (i + 1) * width), data, step));
      });
      this.handles.forEach((handle) => handle.update());
      this.readers.forEach((reader) => reader.update());
      this.ask.update();
      const row = this.setting(position) * (this.packed.step ? this.packed.step.count : 1) + step;
      this.say(data.sentences.map((column) => data.texts[column[row]]).join(" ").trimEnd());
    }

    setControls() {
      for (const field of this.form.querySelectorAll("[data-control]")) {
        const which = field.dataset.control, i = which === "step" ? this.step : this.position[which];
        if (field.type === "radio") { field.checked = +field.value === i; continue; }
        field.value = i;
        if (field.type !== "range") continue;
        const text = this.text(which);
        field.setAttribute("aria-valuetext", text);
        field.parentNode.querySelector("output").textContent = text;
      }
    }

    // The sentence under the picture at once; for screen readers when the reader has settled.
    say(sentence) {
      this.querySelector(".nn-sentence").textContent = sentence;
      clearTimeout(this.speaking);
      this.speaking = setTimeout(() => {
        const changed = this.picture.getAttribute("aria-label") !== sentence;
        this.picture.setAttribute("aria-label", sentence);
        if (changed && this.touched) this.querySelector(".nn-spoken").textContent = sentence;
      }, 500);
    }

    changed(field) {
      if (!("control" in field.dataset)) return;
      this.touched = true;
      const which = field.dataset.control, value = +field.value;
      if (which === "step") this.pause();
      const position = which === "step" ? this.position : this.position.map((old, i) => (i === +which ? value : old));
      this.show(position, which === "step" ? value : this.step);
      if (!this.data) this.ready();
    }

    // Answers for any setting, where the page runs Python: `source(position)` promises the experiment packed for that one,
    // and what its controls then say; `fine` is the step of each slider. Without a source the prepared answers serve.
    connect(source, fine) {
      [this.source, this.asked] = [source, null];
      this.fine(fine);
      return this.ready().then(() => this.show(this.position, this.step));
    }

    disconnect() {
      if (!this.source) return;
      this.source = this.asked = this.answer = null;
      this.fine(this.packed.controls.map(() => 1));
      this.show(this.packed.sparse ? this.packed.controls.map((control) => control.start) : this.position.map(Math.round), this.step);
    }

    fine(steps) {
      for (const field of this.form.querySelectorAll("input[type=range][data-control]"))
        if (field.dataset.control !== "step") field.step = steps[field.dataset.control];
    }

    // One question at a time; the last setting is asked for when the answer to an earlier one is there.
    inquire() {
      const { source, position } = this, wanted = String(position);
      if (!this.data || this.pending || this.asked === wanted) return;
      this.asked = this.pending = wanted;
      // What takes longer than the eye waits: the nearest prepared answer meanwhile.
      const late = setTimeout(() => { if (!this.packed.sparse) { this.answer = null; this.show(this.position, this.step); } }, 150);
      const over = (act) => (result) => {
        clearTimeout(late);
        this.pending = null;
        if (this.source !== source) return;
        act(result);
        this.show(this.position, this.step);
      };
      source(position).then(async (one) => [one, await unpack(one.packed)])
        .then(over((found) => this.admit(...found)), over(() => {}));  // the page says why there is no answer
    }

    // Python's answer joins the prepared ones, in a place of its own behind them, where the last one stood.
    admit({ packed, controls }, one) {
      const { data } = this, size = sizeOf(this.packed), steps = this.packed.step ? this.packed.step.count : 1;
      const own = this.own || (this.own = { records: data.records.length, texts: data.texts.length, levels: data.levels });
      data.records.splice(own.records, Infinity, ...one.records);
      data.texts.splice(own.texts, Infinity, ...one.texts);
      data.levels = new Uint8Array(own.levels.length + one.levels.length);
      data.levels.set(own.levels);
      data.levels.set(one.levels, own.levels.length);
      const moved = { outline: [own.records, own.records, own.records], words: [own.texts, own.records], raster: [own.levels.length] };
      const behind = (column, frames, value) => {
        const longer = new Int32Array((size + 1) * frames);
        longer.set(column.subarray(0, size * frames));
        for (let k = 0; k < frames; k++) longer[size * frames + k] = value(k);
        return longer;
      };
      this.packed.artists.forEach((artist, n) => {
        const { frames } = packed.artists[n], by = moved[artist.form];
        artist.state = "";
        data.tables[n] = data.tables[n].map((column, i) => behind(column, artist.frames, (k) => {
          const ref = one.tables[n][i][Math.min(k, frames - 1)];
          return ref < 0 ? ref : ref + by[i % by.length];
        }));
      });
      const last = (packed.step ? packed.step.count : 1) - 1, blank = data.texts.push("") - 1;
      const said = Array.from({ length: last + 1 }, (_, k) => data.texts.push(one.sentences.map((column) => one.texts[column[k]]).join(" ").trimEnd()) - 1);
      data.sentences = data.sentences.map((column, i) => behind(column, steps, (k) => (i ? blank : said[Math.min(k, last)])));
      this.answer = { controls };
    }

    clicked(button) {
      if (!button || button.tagName !== "BUTTON") return;
      this.touched = true;
      const action = button.dataset.do;
      if (action === "reset") { this.pause(); this.reset(); }
      if (action === "link") this.link();
      if (action === "play") this.ready().then(() => (this.playing ? this.pause() : this.play()));
    }

    // The step follows from the time since the start alone, so it is the same at any frame rate.
    play(last = this.packed.step.count - 1) {
      const from = this.step >= last ? 0 : this.step;
      if (calm()) { this.show(this.position, this.step >= last ? 0 : Math.min(last, this.step + Math.ceil(last / 10))); return; }
      const pace = Math.min(Math.max((this.packed.step.count - 1) / 6, 4), 30);      // steps a second: about six seconds for the whole path
      let before = time.now(), progress = from;
      const tick = () => {                                   // a frame's own time stamp may lie before the click
        const now = time.now();
        progress += Math.max((now - before) / 1000, 0) * pace * +this.form.querySelector("[data-do=speed]").value;
        before = now;
        const step = Math.min(last, Math.floor(progress));
        if (step !== this.step) this.show(this.position, step);
        if (step === last) this.pause(); else this.playing = time.frame(tick);
      };
      this.show(this.position, from);
      this.form.querySelector("[data-do=play]").textContent = "❚❚ Pause";
      this.playing = time.frame(tick);
    }

    pause() {
      if (!this.playing) return;
      time.cancel(this.playing);
      this.playing = 0;
      this.form.querySelector("[data-do=play]").textContent = "▶ Play";
    }

    // The state of several experiments fits in one address: ?<id>.<control>=<value>&…#<id>
    link() {
      const url = new URL(location.href), { controls, step } = this.packed;
      controls.forEach((control, n) => url.searchParams.set(`${this.id}.${control.name}`,
        this.answer ? this.answer.controls[n].value : control.values[Math.round(this.position[n])]));
      if (step) url.searchParams.set(`${this.id}.${step.name}`, step.values[this.step]);
      url.hash = this.id;
      const said = this.form.querySelector(".nn-said"), say = (text) => { said.textContent = text; };
      try { history.replaceState(null, "", url); } catch { /* some browsers forbid this for a local file */ }
      const copied = navigator.clipboard ? navigator.clipboard.writeText(url.href) : Promise.reject();
      copied.then(() => say("Link copied."), () => say("The link is in the address bar."));
      setTimeout(say, 4000, "");
    }

    restore() {
      const asked = new URLSearchParams(location.search), { controls, step } = this.packed;
      const get = (name) => asked.get(`${this.id}.${name}`);
      const nearest = (values, text, otherwise) => {
        if (text === null) return otherwise;
        const exact = values.findIndex((value) => String(value) === text);
        if (exact >= 0) return exact;
        const gaps = values.map((value) => Math.abs(value - parseFloat(text)));
        return gaps.some(Number.isNaN) ? otherwise : gaps.indexOf(Math.min(...gaps));
      };
      const position = controls.map((control, n) => nearest(control.values, get(control.name), this.position[n]));
      this.show(position, step ? nearest(step.values, get(step.name), this.step) : 0);
      return [...controls, step].some((control) => control && get(control.name) !== null);
    }
  }
  customElements.define("nn-experiment", NnExperiment);
})();
