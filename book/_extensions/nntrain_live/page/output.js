// What a cell shows, in the place where the book's own output stands.
import { markdown } from "./markdown.js";

const MOST = 100_000; // letters of printed text; an endless loop would fill the page

const element = (name, className, text) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
};

const boxed = (kind, inner) => {
  const box = element("div", `output ${kind}`);
  box.append(inner);
  return box;
};

const asPlain = (text, kind = "text_plain") => {
  const highlight = element("div", "highlight");
  highlight.append(element("pre", "", text));
  return boxed(`${kind} highlight-myst-ansi notranslate`, highlight);
};

export class Output {
  #book; // the book's own nodes, while the reader's are shown
  #text;
  #progress;
  #pictures = [];
  #addresses = [];
  #experiment; // the book's own, while one of an edited definition stands in its place

  constructor(place, cell, checks) {
    this.checks = checks;
    this.place = place;
    this.cell = cell;
    this.alt = [...place.querySelectorAll("img")].map(image => image.alt);
    this.captions = [...place.querySelectorAll("figcaption")];
  }

  get replaced() {
    return this.#book !== undefined;
  }

  /** An experiment answers by itself and stays; everything else makes way for what the reader's run shows. */
  clear() {
    if (!this.#book) {
      this.#book = [...this.place.childNodes].filter(node => !node.querySelector?.("nn-experiment, nn-digitpad"));
    }
    this.place.style.minHeight = `${this.place.offsetHeight}px`; // so that the page does not jump while the cell runs
    for (const address of this.#addresses.splice(0)) URL.revokeObjectURL(address);
    for (const node of this.#book) node.remove();
    for (const node of this.place.querySelectorAll(":scope > [data-shown]")) node.remove();
    this.#text = this.#progress = undefined;
    this.#pictures = [];
  }

  restore() {
    if (!this.#book) return;
    this.clear();
    this.finish();
    this.place.prepend(...this.#book);
    this.#book = undefined;
    this.experiment();
  }

  /** The experiment that this cell shows: the book's own, or one drawn anew, as `html`. */
  experiment(html) {
    let shown = this.place.querySelector("nn-experiment");
    if (html) {
      const box = element("div");
      box.innerHTML = html;
      const made = box.firstElementChild;
      if (shown) {
        this.#experiment ??= shown;
        shown.replaceWith(made);
      } else this.#show(made);
      shown = made;
    } else if (this.#experiment) {
      shown.replaceWith(this.#experiment);
      shown = this.#experiment;
      this.#experiment = undefined;
    }
    return shown;
  }

  /** One line under the experiment; an empty one goes. */
  remark(text, ...buttons) {
    let line = this.place.querySelector(":scope > .live-said");
    if (!text) return line?.remove();
    if (!line) this.place.append((line = element("p", "live-said")));
    line.setAttribute("role", "status");
    line.replaceChildren(text, ...buttons);
  }

  /** The run is over: a bar of progress has said what it had to say. */
  finish() {
    this.#progress?.remove();
    this.place.style.minHeight = "";
  }

  #show(node) {
    node.dataset.shown = "";
    this.place.append(node);
    return node;
  }

  add(piece, unedited) {
    if (piece.kind === "stream") this.#stream(piece);
    else {
      this.#text = undefined;
      if (piece.kind === "error") this.#error(piece);
      else if (piece.kind === "display") this.#display(piece, unedited);
    }
  }

  #stream({ name, text }) {
    if (name === "stderr" && (text.includes("\r") || this.#progress)) return this.#bar(text);
    this.#text ??= this.#show(asPlain("", "stream"));
    const pre = this.#text.querySelector("pre");
    const all = pre.textContent + text;
    pre.textContent = all.length > MOST ? `… (the beginning is left out)\n${all.slice(-MOST / 2)}` : all;
  }

  #bar(text) {
    this.#progress ??= this.#show(asPlain("", "stream"));
    const last = text.split(/[\r\n]/).filter(line => line.trim()).at(-1);
    if (last) this.#progress.querySelector("pre").textContent = last;
  }

  #error({ type, message, lines, hint }) {
    const box = element("div", "output live-error");
    const head = element("p", "live-error-message");
    if (type) head.append(element("strong", "", type), message ? `: ${message}` : "");
    else head.textContent = message;
    box.append(head);
    for (const { cell, line, code, column } of lines) {
      const other = this.checks.includes(cell) ? "the check" : "a cell above";
      const where = cell === this.cell ? `Line ${line}` : `Line ${line} of ${other}`;
      const mark = column ? `\n${" ".repeat(column - 1)}^` : "";
      box.append(element("p", "live-error-where", where), element("pre", "", code + mark));
    }
    if (hint) box.append(element("p", "live-error-hint", hint));
    this.#show(box);
  }

  #display({ data, alt }, unedited) {
    if (data["image/svg+xml"]) this.#picture(data["image/svg+xml"], alt, unedited);
    else if (data["text/html"]) {
      const box = element("div", "output text_html");
      box.innerHTML = data["text/html"];
      this.#show(box);
    } else if (data["text/markdown"]) this.#show(boxed("text_markdown", markdown(data["text/markdown"])));
    else this.#show(asPlain(data["text/plain"] ?? ""));
  }

  #picture(svg, alt, unedited) {
    const image = element("img");
    image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    this.#addresses.push(image.src);
    const index = this.#pictures.push(image) - 1;
    image.alt = (unedited && this.alt[index]) || alt;
    const figure = element("figure", "align-default");
    figure.append(image);
    if (this.captions[index]) {
      const caption = this.captions[index].cloneNode(true);
      caption.querySelectorAll("[id]").forEach(node => node.removeAttribute("id"));
      figure.append(caption);
    }
    this.#show(figure);
  }
}
