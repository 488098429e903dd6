// <nn-experiment>: moves the artists of a picture as the reader sets the controls.
// The numbers were computed in Python and are packed in the page (see pack.py); nothing is loaded, nothing is computed here.
(() => {
  "use strict";
  const BREAK = -32768;
  const WIDTH = { outline: 3, words: 2, raster: 1 };   // references a form takes (see shapes.py)
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

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
    const size = packed.controls.reduce((product, c) => product * c.values.length, 1);
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

    // Where the pointer is, in the picture's own units.
    place(event) {
      const view = this.svg.viewBox.baseVal, seen = this.svg.getBoundingClientRect();
      return [((event.clientX - seen.left) * view.width) / seen.width, ((event.clientY - seen.top) * view.height) / seen.height];
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
      if (event.button > 0 || !this.owner.data) return;
      event.preventDefault();
      this.owner.pause();
      this.grip.focus({ preventScroll: true });
      this.grip.setPointerCapture(event.pointerId);
      const drag = (move) => this.moveTo(this.place(move));
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
      const { owner, grip } = this, { controls, step } = owner.packed, box = this.box(owner.position, owner.step);
      const view = this.svg.viewBox.baseVal, within = (v, most) => v >= 0 && v <= most;
      const [x, y] = box ? [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2] : [-1, -1];
      grip.hidden = !within(x, view.width) || !within(y, view.height);
      Object.assign(grip.style, { left: `${(100 * x) / view.width}%`, top: `${(100 * y) / view.height}%` });
      const texts = this.controls.map((which) => (which === "step" ? step.texts[owner.step] : controls[which].texts[owner.position[which]]));
      grip.setAttribute("aria-valuenow", this.controls[0] === "step" ? owner.step : owner.position[this.controls[0]]);
      grip.setAttribute("aria-valuetext", texts.join(", "));
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
      this.form = this.querySelector("form");
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
      const play = this.form.querySelector("[data-do=play]");
      if (play && calm()) { play.textContent = "Next"; play.parentNode.querySelector("label").hidden = true; }
      if (!("DecompressionStream" in window)) return;     // an old browser keeps the starting picture
      this.form.hidden = false;
      const linked = this.restore();
      if (linked && location.hash === `#${this.id}`) this.scrollIntoView({ behavior: "instant" });
      new IntersectionObserver((entries, observer) => {
        if (entries.some((entry) => entry.isIntersecting)) { observer.disconnect(); this.ready(); }
      }, { rootMargin: "600px" }).observe(this);
      if (linked) this.ready();
    }

    // Decode once, when first needed.
    ready() {
      this.decoding = this.decoding || unpack(this.packed).then((data) => {
        this.data = data;
        this.handles = this.packed.handles.map((spec) => new Handle(this, spec));
        this.show(this.position, this.step);
        this.dataset.ready = "";
      });
      return this.decoding;
    }

    reset() {
      const { controls, step } = this.packed;
      this.show(controls.map((control) => control.start), step ? step.start : 0);
    }

    // The references of an artist in one state.
    refs(n, position, step) {
      const artist = this.packed.artists[n], row = this.setting(position) * artist.frames + Math.min(step, artist.frames - 1);
      return this.data.tables[n].map((column) => column[row]);
    }

    setting(position) {
      return this.packed.controls.reduce((i, control, n) => i * control.values.length + position[n], 0);
    }

    // What the reader sets; a screen reader hears of it.
    set(position, step) {
      this.touched = true;
      this.show(position, step);
    }

    // Show one setting: positions of the controls in their lists, and the step.
    show(position, step) {
      [this.position, this.step] = [position, step];
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
      const row = this.setting(position) * (this.packed.step ? this.packed.step.count : 1) + step;
      this.say(data.sentences.map((column) => data.texts[column[row]]).join(" ").trimEnd());
    }

    setControls() {
      for (const field of this.form.querySelectorAll("[data-control]")) {
        const which = field.dataset.control, i = which === "step" ? this.step : this.position[which];
        if (field.type === "radio") { field.checked = +field.value === i; continue; }
        field.value = i;
        if (field.type !== "range") continue;
        const text = (which === "step" ? this.packed.step : this.packed.controls[which]).texts[i];
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

    clicked(button) {
      if (!button || button.tagName !== "BUTTON") return;
      this.touched = true;
      const action = button.dataset.do;
      if (action === "reset") { this.pause(); this.reset(); }
      if (action === "link") this.link();
      if (action === "play") this.ready().then(() => (this.playing ? this.pause() : this.play()));
    }

    // The step follows from the time since the start alone, so it is the same at any frame rate.
    play() {
      const last = this.packed.step.count - 1, from = this.step >= last ? 0 : this.step;
      if (calm()) { this.show(this.position, this.step >= last ? 0 : Math.min(last, this.step + Math.ceil(last / 10))); return; }
      const pace = Math.min(Math.max(last / 6, 4), 30);      // steps a second: about six seconds for the whole path
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
      controls.forEach((control, n) => url.searchParams.set(`${this.id}.${control.name}`, control.values[this.position[n]]));
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
