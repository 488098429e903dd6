// <nn-draw>: the reader writes a digit; the network packed in the page (see draw.py) recognises it, stroke by stroke.
// Nothing is loaded. The image is made as MNIST's are, the forward pass is that of nntrain.
(() => {
  "use strict";
  const SIZE = 28, BOX = 20, PEN = 1.15, SOFT = 0.6;     // pixels: image, digit, half the pen's width, half its soft edge
  const CENTRE = 14.5;                                   // where MNIST puts the centre of mass, from the image's corner
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  const activations = {
    "": (z) => z,
    sigmoid: (z) => 1 / (1 + Math.exp(-z)),
    tanh: Math.tanh,
    relu: (z) => Math.max(z, 0),
    leaky: (z, slope) => (z > 0 ? z : slope * z),
  };

  // For each layer, as draw.py writes them: whole numbers (inputs × outputs), factors and biases (outputs each).
  async function unpack(packed) {
    const zipped = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
    const stream = new Blob([zipped]).stream().pipeThrough(new DecompressionStream("deflate"));
    const raw = await new Response(stream).arrayBuffer();
    let at = 0;
    const floats = (count) => new Float32Array(raw.slice(at, (at += 4 * count)));
    return packed.layers.map((spec) => {
      const { inputs, outputs } = spec, q = new Int8Array(raw, at, inputs * outputs);
      at += q.length;
      const factors = floats(outputs), weight = new Float32Array(q.length);
      for (let i = 0; i < q.length; i++) weight[i] = q[i] * factors[i % outputs];
      return { ...spec, weight, bias: floats(outputs) };
    });
  }

  // z = xW + b and the activation, layer after layer; returns the logits.
  function forward(layers, x) {
    for (const { inputs, outputs, weight, bias, activation, slope } of layers) {
      const z = Float64Array.from(bias);
      for (let i = 0; i < inputs; i++) {
        if (x[i] === 0) continue;
        for (let j = 0, w = i * outputs; j < outputs; j++, w++) z[j] += x[i] * weight[w];
      }
      x = z.map((value) => activations[activation](value, slope));
    }
    return x;
  }

  function probabilities(logits, output) {
    if (output === "sigmoid") return logits.map(activations.sigmoid);
    const top = Math.max(...logits), e = logits.map((z) => Math.exp(z - top)), sum = e.reduce((a, b) => a + b);
    return e.map((value) => value / sum);
  }

  // The squared distance of a point from a segment.
  function distance2(px, py, [ax, ay], [bx, by]) {
    const dx = bx - ax, dy = by - ay, length2 = dx * dx + dy * dy;
    const t = length2 ? Math.min(Math.max(((px - ax) * dx + (py - ay) * dy) / length2, 0), 1) : 0;
    return (px - ax - t * dx) ** 2 + (py - ay - t * dy) ** 2;
  }

  // A pixel is as light as the pen covers it: 1 on the line, 0 from PEN + SOFT away, in between along a ramp.
  function ink(strokes) {
    const nearest = new Float64Array(SIZE * SIZE).fill(Infinity), reach = PEN + SOFT;
    for (const stroke of strokes)
      for (let k = 0; k < stroke.length; k++) {
        const a = stroke[Math.max(k - 1, 0)], b = stroke[k];
        const low = (i) => Math.max(Math.floor(Math.min(a[i], b[i]) - reach), 0);
        const high = (i) => Math.min(Math.ceil(Math.max(a[i], b[i]) + reach), SIZE);
        for (let row = low(1); row < high(1); row++)
          for (let column = low(0); column < high(0); column++) {
            const i = row * SIZE + column;
            nearest[i] = Math.min(nearest[i], distance2(column + 0.5, row + 0.5, a, b));
          }
      }
    return nearest.map((d2) => Math.min(Math.max((reach - Math.sqrt(d2)) / (2 * SOFT), 0), 1));
  }

  // Scale the drawing to fit 20×20 pixels, keeping its shape, and move its centre of mass to the image's centre.
  function render(strokes) {
    const points = strokes.flat();
    if (!points.length) return new Float64Array(SIZE * SIZE);
    const [x0, x1, y0, y1] = [0, 1].flatMap((i) => [Math.min, Math.max].map((f) => f(...points.map((p) => p[i]))));
    const scale = Math.min((BOX - 2 * PEN) / Math.max(x1 - x0, y1 - y0, 1e-9), 1);   // a dot stays a dot
    const place = (cx, cy) => strokes.map((stroke) => stroke.map(([x, y]) =>
      [cx + scale * (x - (x0 + x1) / 2), cy + scale * (y - (y0 + y1) / 2)]));
    const image = ink(place(CENTRE, CENTRE));
    let mass = 0, mx = 0, my = 0;
    image.forEach((value, i) => {
      mass += value;
      mx += value * ((i % SIZE) + 0.5);
      my += value * (Math.floor(i / SIZE) + 0.5);
    });
    return ink(place(2 * CENTRE - mx / mass, 2 * CENTRE - my / mass));
  }

  class NnDraw extends HTMLElement {
    connectedCallback() {
      if (this.packed) return;
      this.packed = JSON.parse(this.querySelector("script").textContent);
      if (!("DecompressionStream" in window)) return;      // an old browser keeps the sentence instead
      const $ = (name) => this.querySelector(name);
      [this.pad, this.path, this.view] = [$(".nn-pad"), $(".nn-ink"), $(".nn-view").getContext("2d")];
      this.rows = [...this.querySelectorAll(".nn-bar-row")];
      [this.strokes, this.turns, this.pressed] = [[], {}, null];
      this.pad.addEventListener("pointerdown", (event) => this.press(event));
      this.pad.addEventListener("pointermove", (event) => this.drag(event));
      for (const name of ["pointerup", "pointercancel", "lostpointercapture"])
        this.pad.addEventListener(name, (event) => { if (event.pointerId === this.pressed) this.pressed = null; });
      this.addEventListener("click", (event) => this.clicked(event.target.closest("button")));
      $(".nn-nojs").hidden = true;
      $(".nn-desk").hidden = $(".nn-samples").hidden = false;
      this.ready().then(() => this.show());
    }

    ready() {
      this.unpacking = this.unpacking || unpack(this.packed).then((layers) => {
        this.layers = layers;
        this.dataset.ready = "";
      });
      return this.unpacking;
    }

    // The network's ten probabilities for 784 pixel values.
    predict(pixels) {
      return [...probabilities(forward(this.layers, pixels), this.packed.output)];
    }

    // The 784 pixels the network sees of some strokes.
    render(strokes) {
      return render(strokes);
    }

    press(event) {
      if (event.button > 0 || this.pressed !== null) return;
      event.preventDefault();
      this.stopReplay();
      this.pressed = event.pointerId;
      this.pad.setPointerCapture(event.pointerId);
      this.strokes.push([this.point(event)]);
      this.redraw();
    }

    drag(event) {
      if (this.pressed !== event.pointerId) return;
      const stroke = this.strokes.at(-1), last = stroke.at(-1), next = this.point(event);
      if (Math.hypot(next[0] - last[0], next[1] - last[1]) < 2) return;
      stroke.push(next);
      this.redraw();
    }

    point(event) {
      const box = this.pad.getBoundingClientRect(), inside = (v) => Math.min(Math.max(v * 280, 0), 280);
      return [inside((event.clientX - box.left) / box.width), inside((event.clientY - box.top) / box.height)];
    }

    clicked(button) {
      if (!button) return;
      this.stopReplay();
      if (button.dataset.do === "undo") this.strokes.pop();
      if (button.dataset.do === "clear") this.strokes = [];
      if ("digit" in button.dataset) this.sample(button.dataset.digit);
      else this.redraw();
    }

    // The next sample of this digit, drawn before the reader's eyes; at once for those who want no motion.
    sample(digit) {
      const drawings = this.packed.samples[digit], turn = (this.turns[digit] = (this.turns[digit] ?? -1) + 1);
      const whole = drawings[turn % drawings.length].map((stroke) => stroke.map(([x, y]) => [2.8 * x, 2.8 * y]));
      const count = whole.flat().length, began = performance.now();
      const step = (now) => {
        const done = calm() ? count : Math.min(Math.max(Math.round((count * (now - began)) / 900), 1), count);
        this.strokes = partOf(whole, done);
        this.redraw();
        this.replay = done < count ? requestAnimationFrame(step) : 0;
      };
      step(began);
    }

    stopReplay() {
      if (this.replay) cancelAnimationFrame(this.replay);
      this.replay = 0;
    }

    // At most one picture a frame, however fast the pen.
    redraw() {
      this.touched = true;
      this.path.setAttribute("d", this.strokes.map((s) => `M${s.map((p) => p.map(Math.round)).join("L")}${s.length < 2 ? "h.01" : ""}`).join(""));
      this.querySelector(".nn-hint").style.display = this.strokes.length ? "none" : "";
      this.waiting = this.waiting || requestAnimationFrame(() => { this.waiting = 0; this.show(); });
    }

    show() {
      if (!this.layers) return;
      const pixels = render(this.strokes), drawn = this.strokes.length > 0;
      const image = this.view.createImageData(SIZE, SIZE);
      pixels.forEach((value, i) => image.data.set([...Array(3).fill(255 * value), 255], 4 * i));
      this.view.putImageData(image, 0, 0);
      const probs = drawn ? this.predict(pixels) : Array(10).fill(0);
      const order = [...probs.keys()].sort((a, b) => probs[b] - probs[a]);
      this.rows.forEach((row, k) => {
        row.querySelector(".nn-fill").style.width = `${100 * probs[k]}%`;
        row.querySelector(".nn-share").textContent = drawn ? percent(probs[k]) : "–";
        row.classList.toggle("nn-best", drawn && k === order[0]);
      });
      const best = order.slice(0, 3).map((k) => `${k} (${percent(probs[k])})`);
      this.say(drawn ? `The network reads a ${best[0]}; next come ${best[1]} and ${best[2]}.` : "The pad is empty.");
    }

    // The sentence at once; for screen readers when the pen has rested.
    say(sentence) {
      this.querySelector(".nn-sentence").textContent = sentence;
      clearTimeout(this.speaking);
      this.speaking = setTimeout(() => {
        this.querySelector(".nn-bars").setAttribute("aria-label", `Probabilities of the ten digits. ${sentence}`);
        if (this.touched) this.querySelector(".nn-spoken").textContent = sentence;
      }, 500);
    }
  }

  const percent = (p) => (p > 0 && p < 0.005 ? "<1 %" : `${Math.round(100 * p)} %`);

  // The first points of a drawing, as its writer would have set them down.
  function partOf(strokes, count) {
    const part = [];
    for (const stroke of strokes) {
      if (count <= 0) break;
      part.push(stroke.slice(0, count));
      count -= stroke.length;
    }
    return part;
  }

  if (!customElements.get("nn-draw")) customElements.define("nn-draw", NnDraw);
})();
