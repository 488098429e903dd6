// The page as a notebook: which cells have run, what a cell needs from above, what the reader wrote.
import { Interpreter, Stopped } from "./interpreter.js";
import { Output } from "./output.js";

const LONG = 15; // seconds above which the reader is asked first
const HELP = "live-editor-help";

export async function open(page) {
  const notebook = new Notebook(page);
  await notebook.load();
  return notebook;
}

class Cell {
  constructor(element, page) {
    this.element = element;
    this.page = page;
    this.id = element.dataset.cell;
    this.input = element.querySelector(".cell_input");
    this.bar = element.querySelector(".live-bar");
    this.status = this.bar.querySelector(".live-status");
    this.original = this.input.cloneNode(true);
  }

  get state() {
    return this.element.dataset.state;
  }

  set state(name) {
    this.element.dataset.state = name;
  }

  say(text) {
    this.status.textContent = text;
  }

  /** Where what the cell shows belongs: the book's own output, or a new place after the code. */
  get output() {
    if (this.shown) return this.shown;
    let place = this.element.querySelector("[data-output]");
    if (!place) {
      place = document.createElement("div");
      place.className = "cell_output docutils container";
      place.dataset.output = this.id;
      this.bar.after(place);
    }
    return (this.shown = new Output(place, this.id, this.checks));
  }

  button(name) {
    return [...this.bar.querySelectorAll("button")].find(button => button.textContent === name);
  }

  /** Add or take away a button, by whether it has a use now. */
  offer(name, wanted, act) {
    const has = this.button(name);
    if (wanted && !has) this.status.before(this.page.button(name, act));
    else if (!wanted && has) {
      const focused = document.activeElement === has;
      has.remove();
      if (focused) this.bar.querySelector("button")?.focus();
    }
  }
}

class Notebook {
  #queue = Promise.resolve();
  #ran = new Map(); // cells that this Python has run, with the code they had
  #owners = new Map(); // name → the cell that bound it last
  #last = new Map(); // the code a cell last ran with during this visit, also before a restart
  #running;
  #experiments = new Map(); // cells whose experiment this Python answers → its element

  constructor(page) {
    this.page = page;
    this.python = new Interpreter(page.base, page.version);
    this.shown = new Map(page.cells.map(element => [element.dataset.cell, new Cell(element, page)]));
  }

  async load() {
    const { base, chapter } = this.page;
    const address = new URL(`cells/${chapter}.json`, base);
    const response = await fetch(address, { cache: "no-cache" }).catch(() => undefined);
    if (!response?.ok) throw new Error("the chapter's code cannot be fetched from the site");
    this.cells = new Map((await response.json()).map((cell, index) => [cell.id, { ...cell, index }]));
    for (const cell of this.shown.values()) cell.checks = this.cells.get(cell.id).checks ?? [];
    if (!document.getElementById(HELP)) {
      const help = document.createElement("span");
      help.id = HELP;
      help.hidden = true;
      help.textContent = "Shift and Enter run the code. Tab indents; press Escape, then Tab, to leave the editor.";
      document.body.append(help);
    }
    document.addEventListener("input", event => this.#wake(event.target));
  }

  async act(element, action) {
    const cell = this.shown.get(element.dataset.cell);
    if (action === "edit") return this.edit(cell, true);
    return this.#enqueue(cell, action);
  }

  /** The reader's code, or what the page shows as the cell's beginning. */
  code(cell) {
    return cell.editor?.code ?? this.page.saved.get("code", cell.id) ?? this.#given(cell.id);
  }

  #given(id) {
    const { code, student } = this.cells.get(id);
    return student ?? code;
  }

  #edited(cell) {
    return this.code(cell) !== this.#given(cell.id);
  }

  async edit(cell, focus) {
    if (!cell.editor) {
      const { createEditor } = await import("./editor.js");
      const code = this.code(cell);
      if (cell.editor) return;
      cell.input.replaceChildren();
      cell.input.classList.add("live-editing");
      cell.editor = createEditor({
        parent: cell.input,
        code,
        label: "The code of this cell",
        help: HELP,
        changed: text => this.#changed(cell, text),
        run: () => this.#enqueue(cell, "exercise" in cell.element.dataset ? "check" : "run"),
      });
      // The page's own keys, such as "/" for its search, are letters here.
      cell.input.addEventListener("keydown", event => event.stopPropagation());
      cell.offer("Edit", false);
      this.#offers(cell);
    }
    if (focus) cell.editor.focus();
  }

  #changed(cell, text) {
    const own = text !== this.#given(cell.id);
    if (!this.page.saved.set("code", cell.id, own ? text : null)) cell.say("This browser keeps nothing: copy your code.");
    this.#offers(cell);
  }

  #offers(cell) {
    const running = this.#running === cell;
    const [run, check] = [cell.button("Run"), cell.button("Check")];
    if (running) cell.offer("Stop", true, () => this.stop());
    if (running && (document.activeElement === run || document.activeElement === check)) cell.button("Stop").focus();
    run.hidden = running;
    if (check) check.hidden = running;
    if (!running) cell.offer("Stop", false);
    cell.offer("Restart", !running && this.#ran.size > 0 && cell.touched, () => this.restart(cell));
    cell.offer("The book’s code", this.#edited(cell), () => this.bookCode(cell));
    cell.offer("The book’s output", !running && cell.shown?.replaced && cell.hadOutput, () => {
      cell.output.restore();
      cell.state = "idle";
      cell.say("");
      this.#offers(cell);
    });
  }

  bookCode(cell) {
    this.page.saved.set("code", cell.id, null);
    if (cell.editor) cell.editor.code = this.#given(cell.id);
    else cell.input.replaceChildren(...cell.original.cloneNode(true).childNodes);
    this.#offers(cell);
  }

  stop() {
    this.python.stop();
  }

  /** A new Python without a name; what is on the page stays. */
  restart(cell) {
    this.python.stop();
    this.#forget();
    cell.say("Python starts again at the next run.");
    for (const other of this.shown.values()) this.#offers(other);
  }

  #forget() {
    this.#ran.clear();
    this.#owners.clear();
    for (const [cell, element] of this.#experiments) {
      element?.disconnect();
      cell.output.remark("");
    }
    this.#experiments.clear();
  }

  #enqueue(cell, action) {
    if (cell.waiting) return;
    cell.waiting = true;
    if (this.#running) cell.say("Waiting for the cell that runs now …");
    this.#queue = this.#queue.then(async () => {
      cell.waiting = false;
      await this.#perform(cell, action);
    });
    return this.#queue;
  }

  async #perform(cell, action) {
    const steps = this.#above(cell, action);
    const seconds = this.#seconds(cell, steps);
    if (seconds > LONG && !(await this.#agreed(cell, steps.length, seconds))) return;
    this.#running = cell;
    cell.touched = true;
    cell.hadOutput ??= Boolean(cell.element.querySelector("[data-output]"));
    cell.state = "running";
    this.#offers(cell);
    const begun = performance.now();
    try {
      await this.edit(cell);
      await this.python.start(words => cell.say(words));
      const ok = (await this.#need(cell, steps)) && (await this.#own(cell, action));
      cell.state = ok ? "done" : "failed";
      if (ok && action === "check") {
        this.page.saved.set("solved", cell.id, "yes");
        this.page.showSolved();
      }
      cell.say(ok ? told(steps.length, (performance.now() - begun) / 1000) : "");
    } catch (error) {
      this.#forget();
      cell.state = error instanceof Stopped ? "idle" : "failed";
      cell.say(error instanceof Stopped ? "Stopped. Python has forgotten every name; the next run starts it again."
        : `Python has ended: ${error.message}. The next run starts it again.`);
    }
    cell.shown?.finish();
    this.#running = undefined;
    this.#offers(cell);
  }

  /**
   * What the cell needs from above and this Python has not run, in the order of the page.
   *
   * For each name a cell uses the book knows which cell binds it and which change the object after that. They
   * run when they have not yet, or when a cell further down (or elsewhere above) has bound the name since.
   */
  #above(cell, action) {
    const wanted = new Set();
    const roots = [cell.id, ...(action === "check" ? cell.checks : [])];
    const index = id => this.cells.get(id).index;
    const holds = (name, binder, user) => {
      const owner = this.#owners.get(name);
      return owner !== undefined && !wanted.has(binder) && index(binder) <= index(owner) && index(owner) < index(user);
    };
    for (let before = -1; before < wanted.size; ) {
      before = wanted.size;
      for (const user of [...roots, ...wanted]) {
        for (const [name, [binder, ...changers]] of Object.entries(this.cells.get(user).uses)) {
          if (roots.includes(binder)) continue;
          const held = holds(name, binder, user);
          if (!held) wanted.add(binder);
          for (const id of changers) if (!roots.includes(id) && !(held && this.#ran.has(id))) wanted.add(id);
        }
      }
    }
    return [...wanted].sort((a, b) => index(a) - index(b));
  }

  #agreed(cell, count, seconds) {
    const first = count ? `${cells(count)} above, which it needs, and this one` : "This cell";
    cell.say(`${first} will take about ${inWords(seconds)} here. `);
    return new Promise(resolve => {
      const answer = yes => () => {
        cell.say("");
        resolve(yes);
      };
      const go = this.page.button("Go ahead", answer(true));
      cell.status.append(go, this.page.button("Not now", answer(false)));
      go.focus();
    });
  }

  async #need(cell, steps) {
    for (const [index, id] of steps.entries()) {
      cell.say(`First what it needs from above: cell ${index + 1} of ${steps.length} …`);
      const code = this.#last.get(id) ?? this.cells.get(id).code;
      cell.output.clear();
      if (!(await this.#execute({ cell: id, code, show: false }, piece => this.#receive(cell, piece, false)))) return false;
    }
    return true;
  }

  async #own(cell, action) {
    const code = this.code(cell);
    const unedited = code === this.cells.get(cell.id).code;
    const clock = this.#clock(cell);
    cell.output.clear();
    this.#ran.delete(cell.id);
    this.#last.set(cell.id, code);
    const receive = piece => this.#receive(cell, piece, unedited);
    try {
      if (!(await this.#execute({ cell: cell.id, code, redraw: this.#differs(cell, code) }, receive))) return false;
      for (const id of action === "check" ? cell.checks : []) {
        if (!(await this.#execute({ cell: id, code: this.cells.get(id).code }, receive))) return false;
      }
      return true;
    } finally {
      clearInterval(clock);
    }
  }

  /** Run a cell, and remember that it ran and which names it bound. */
  async #execute(command, receive) {
    let bound = [];
    const ok = await this.python.run(command, piece => (piece.kind === "bound" ? (bound = piece.names) : receive(piece)));
    for (const name of bound) this.#owners.set(name, command.cell);
    if (ok) this.#ran.set(command.cell, command.code);
    return ok;
  }

  #receive(cell, piece, unedited) {
    if (piece.kind === "starting") cell.say(`${piece.words} …`);
    else if (piece.data?.experiment) this.#meet(cell, piece.data.experiment);
    else cell.output.add(piece, unedited);
  }

  /** Whether this cell, or one that it needs, holds something else than the book's code. */
  #differs(cell, code) {
    if (code !== this.cells.get(cell.id).code) return true;
    const found = new Set([cell.id]);
    for (const user of found) for (const ids of Object.values(this.cells.get(user).uses)) ids.forEach(id => found.add(id));
    return [...found].some(id => this.#ran.has(id) && this.#ran.get(id) !== this.cells.get(id).code);
  }

  /** From now on Python answers for the experiment, at any setting; `html` draws it anew where its definition was edited. */
  #meet(cell, { id, fine, html }) {
    const element = cell.output.experiment(html);
    if (!element?.connect) return;
    this.#experiments.set(cell, element);
    cell.output.remark("Python answers this experiment, at any setting.");
    element.connect(places => this.#ask(cell, id, places), fine);
  }

  #ask(cell, experiment, places) {
    const answer = this.#queue.then(async () => {
      const stop = this.page.button("Stop", () => this.stop());
      const long = setTimeout(() => cell.output.remark("Python is computing … ", stop), 2000);
      let found, error;
      try {
        await this.python.run({ experiment, places }, piece => {
          if (piece.kind === "answer") found = piece;
          else if (piece.kind === "error") error = piece;
        });
      } catch (stopped) {
        this.#forget();
        throw stopped;
      } finally {
        clearTimeout(long);
      }
      if (found) cell.output.remark("Python answers this experiment, at any setting.");
      else cell.output.remark(`Python cannot answer here. ${error.type}: ${error.message}`);
      if (!found) throw new Error("no answer");
      return found;
    });
    this.#queue = answer.catch(() => undefined);
    return answer;
  }

  /** The reader moves an experiment's control while Python runs: what the experiment needs is run, if that is not long. */
  #wake(target) {
    const element = target.closest?.("nn-experiment");
    const cell = this.shown.get(element?.closest("[data-cell]")?.dataset.cell);
    if (!cell || !element.connect || this.#ran.size === 0 || this.#experiments.has(cell)) return;
    this.#experiments.set(cell, undefined);
    this.#queue = this.#queue.then(async () => {
      const steps = this.#above(cell, "run");
      if (this.#ran.size === 0 || this.#seconds(cell, steps) > LONG) return;
      cell.output.remark("Python gets ready to answer at any setting …");
      const receive = piece => piece.data?.experiment && this.#meet(cell, piece.data.experiment);
      try {
        for (const id of [...steps, cell.id]) {
          const code = this.#last.get(id) ?? this.cells.get(id).code;
          const command = { cell: id, code, show: id === cell.id, redraw: this.#differs(cell, this.#last.get(cell.id) ?? this.cells.get(cell.id).code) };
          if (!(await this.#execute(command, receive))) return cell.output.remark("");
        }
      } catch {
        this.#forget();
      }
    });
  }

  #seconds(cell, steps) {
    return Math.ceil([...steps, cell.id].reduce((sum, id) => sum + this.cells.get(id).seconds, 0));
  }

  #clock(cell) {
    const begun = performance.now();
    cell.say("Running …");
    return setInterval(() => cell.say(`Running … ${Math.round((performance.now() - begun) / 1000)} s`), 1000);
  }
}

const cells = count => (count === 1 ? "The cell" : `The ${count} cells`);

function inWords(seconds) {
  if (seconds < 100) return `${seconds} seconds`;
  return `${Math.round(seconds / 60)} minutes`;
}

function told(above, seconds) {
  const time = seconds < 10 ? seconds.toFixed(1) : Math.round(seconds);
  const needed = above ? ` Ran ${above === 1 ? "one cell" : `${above} cells`} above first.` : "";
  return `Done in ${time} s.${needed}`;
}
