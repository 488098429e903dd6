// The one interface between the page and whatever runs its code: start, run, stop; output comes in pieces.
import { fetchAll } from "./files.js";

export class Stopped extends Error {}

export class Interpreter {
  #base;
  #version;
  #kept; // the compiled program and its files; later also the memory of a Python that has just started
  #fetching;
  #worker;
  #started;
  #pending;
  #tell;
  #halt;

  constructor(base, version) {
    this.#base = base;
    this.#version = version;
  }

  /** Begin, unless it has begun. `tell` gets words on how far it is. Resolves when Python is ready. */
  start(tell) {
    if (this.#started) return this.#started;
    this.#tell = tell;
    const halted = new Promise((_, reject) => (this.#halt = () => reject(new Stopped())));
    // It begins after this call: what it asks is known only then.
    const begun = Promise.resolve().then(() => this.#begin(() => this.#started === started));
    const started = Promise.race([begun, halted]).catch(error => {
      if (this.#started === started) this.#end();
      throw error;
    });
    return (this.#started = started);
  }

  /** What was stopped while its files arrive lets them come, for the next start, and begins nothing. */
  async #begin(wanted) {
    const tell = words => wanted() && this.#tell(words);
    if (!this.#kept) {
      const whoWaits = words => this.#started && this.#tell(words);
      this.#fetching ??= fetchAll(this.#base, whoWaits).finally(() => (this.#fetching = undefined));
      this.#kept = await this.#fetching;
    }
    if (!wanted()) throw new Stopped();
    const worker = new Worker(new URL(`worker.js?${this.#version}`, this.#base), { type: "module" });
    this.#worker = worker;
    let complaint = "";
    const receive = ({ kind, words, text }) => {
      if (kind === "starting") tell(`${words} …`);
      else if (kind === "stream") complaint = text.trim() || complaint;
    };
    const ready = new Promise((resolve, reject) => {
      const refuse = error => reject(complaint ? new Error(`${error.message} (${complaint})`) : error);
      this.#pending = { resolve, reject: refuse, receive };
    });
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = event => this.#pending?.reject(new Error(event.message || "the page's Python did not start"));
    worker.postMessage({ start: this.#kept });
    await ready;
  }

  /** Run a cell; `receive` gets its output piece by piece. Resolves to whether it ran to its end. */
  async run(command, receive) {
    if (!this.#worker) throw new Stopped();
    const ended = new Promise((resolve, reject) => (this.#pending = { resolve, reject, receive }));
    this.#worker.postMessage({ run: command });
    return ended;
  }

  /** Works at any time, also in an endless loop. Every name is lost. */
  stop() {
    const pending = this.#pending;
    this.#halt?.();
    this.#end();
    pending?.reject(new Stopped());
  }

  #receive(piece) {
    if (piece.kind === "memory") this.#kept = { ...this.#kept, memory: piece.memory };
    else if (piece.kind === "ready") this.#settle("resolve");
    else if (piece.kind === "done") this.#settle("resolve", piece.ok);
    else if (piece.kind === "ended") {
      const pending = this.#pending;
      this.#end();
      pending?.reject(new Error(piece.words));
    } else this.#pending?.receive(piece);
  }

  #settle(how, value) {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.[how](value);
  }

  #end() {
    this.#worker?.terminate();
    this.#worker = this.#started = this.#pending = undefined;
  }
}
