// The little that every page with code loads: buttons, the reader's saved versions, what is solved. All else, the
// editor and Python itself, is fetched when the reader first asks for it.
(() => {
  const script = document.currentScript;
  const { live: version, chapter } = script.dataset;
  const base = new URL("live/", script.src);
  const cells = [...document.querySelectorAll("[data-cell]")];
  // A module with `try_table`, the newest instruction that the program uses.
  const newest = "0061736d0100000001040160000003020100 0a0d010b0002401f400102000b0b0b".replace(" ", "");

  const able = () =>
    globalThis.WebAssembly?.validate(Uint8Array.from(newest.match(/../g), byte => parseInt(byte, 16))) &&
    globalThis.DecompressionStream && globalThis.Worker;
  const obstacle =
    location.protocol === "file:"
      ? "To run this page's code, open the book through a server: the command make serve starts one on this computer."
      : !version
        ? "This copy of the book was built without its Python, so the code on this page does not run here."
        : !able()
          ? "This browser is too old to run the page's code: a current Firefox, Chrome, Edge or Safari does."
          : "";

  const button = (name, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "live-button";
    made.textContent = name;
    made.addEventListener("click", act);
    return made;
  };

  // What the reader wrote and solved, kept by this browser. It may refuse to keep anything.
  const saved = {
    key: (kind, cell) => `nntrain ${kind} ${chapter} ${cell}`,
    get(kind, cell) {
      try {
        return localStorage.getItem(this.key(kind, cell));
      } catch {
        return null;
      }
    },
    set(kind, cell, value) {
      try {
        if (value === null) localStorage.removeItem(this.key(kind, cell));
        else localStorage.setItem(this.key(kind, cell), value);
      } catch {
        return false;
      }
      return true;
    },
  };

  let opened;
  const notebook = () =>
    (opened ??= import(new URL(`page.js?${version}`, base).href)
      .then(page => page.open({ base, version, chapter, cells, button, saved }))
      .catch(error => {
        opened = undefined;
        throw error;
      }));

  function bar(element) {
    const made = document.createElement("div");
    made.className = "live-bar";
    const status = document.createElement("span");
    status.className = "live-status";
    status.setAttribute("role", "status");
    const ask = action => async () => {
      try {
        await (await notebook()).act(element, action);
      } catch (error) {
        status.textContent = `This did not work: ${error.message}. Reload the page and try again.`;
      }
    };
    const exercise = "exercise" in element.dataset;
    const main = button(exercise ? "Check" : "Run", ask(exercise ? "check" : "run"));
    main.dataset.main = "";
    made.append(main);
    if (exercise) made.append(button("Run", ask("run")));
    made.append(button("Edit", ask("edit")), status);
    const code = element.querySelector(".cell_input");
    code.after(made);
    code.addEventListener("click", () => {
      if (String(getSelection()) === "" && !code.querySelector("[role=textbox]")) ask("edit")();
    });
  }

  function restore(element) {
    const own = saved.get("code", element.dataset.cell);
    const pre = element.querySelector(".cell_input pre");
    if (own === null || !pre) return;
    pre.textContent = own;
    element.dataset.own = "";
  }

  if (obstacle) {
    const note = document.createElement("p");
    note.className = "live-note";
    note.textContent = obstacle;
    const first = cells.find(cell => !cell.querySelector("details")) ?? cells[0];
    first?.before(note);
  } else {
    for (const element of cells) {
      restore(element);
      bar(element);
    }
  }
})();
