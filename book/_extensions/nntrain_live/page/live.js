// The little that every page with code loads: buttons, the reader's saved versions, what is solved. All else, the
// editor and Python itself, is fetched when the reader first asks for it.
(() => {
  const script = document.currentScript;
  const { live: version, chapter } = script.dataset; // no chapter on a page without code, such as a front page
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

  // What the reader wrote and solved, kept by this browser under the cell's own id: chapters may be renamed or split.
  // The browser may refuse to keep anything.
  const KEPT = /^nntrain (code|solved) (\S+)$/;
  const saved = {
    key: (kind, cell) => `nntrain ${kind} ${cell}`,
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
    /** Everything that is kept, as [kind, cell, value]. */
    all() {
      try {
        return Object.entries(localStorage).flatMap(([key, value]) => (KEPT.test(key) ? [[...key.match(KEPT).slice(1), value]] : []));
      } catch {
        return [];
      }
    },
  };

  const solved = ids => ids.filter(id => saved.get("solved", id) !== null).length;
  const exercises = cells.filter(cell => "exercise" in cell.dataset);
  const make = (name, text, className) => Object.assign(document.createElement(name), { textContent: text, className: className ?? "" });

  // "4 of 11 solved" under the heading of the chapter's exercises, and a mark at each that is.
  function showSolved() {
    for (const cell of exercises) cell.toggleAttribute("data-solved", saved.get("solved", cell.dataset.cell) !== null);
    const line = document.querySelector("[data-chapter-progress]");
    if (line) line.textContent = `${solved(exercises.map(cell => cell.dataset.cell))} of ${exercises.length} solved in this browser.`;
    document.querySelectorAll("[data-progress]").forEach(showBook);
  }

  function addChapterLine() {
    let section = exercises[0]?.closest("section");
    while (section?.parentElement.closest("section")?.parentElement.closest("section")) section = section.parentElement.closest("section");
    // Exercises that stand in several sections are counted under the page's title.
    if (section && !section.contains(exercises.at(-1))) section = section.parentElement.closest("section");
    const heading = section?.querySelector("h1, h2, h3");
    if (!heading) return;
    const line = make("p", "", "live-said");
    line.dataset.chapterProgress = "";
    heading.after(line);
  }

  // The whole book, on the front page, with all that can be done with what is kept.
  function showBook(place) {
    const chapters = JSON.parse(place.dataset.progress);
    const total = chapters.reduce((sum, one) => sum + one.cells.length, 0);
    let box = place.querySelector("details");
    if (!box) {
      box = make("details");
      const pick = Object.assign(make("input"), { type: "file", accept: "application/json,.json", hidden: true });
      const told = make("span", "", "live-status");
      told.setAttribute("role", "status");
      pick.addEventListener("change", async () => {
        told.textContent = await restoreFrom(pick.files[0]);
        pick.value = "";
        showSolved();
      });
      const actions = make("div", "", "live-bar");
      actions.append(
        button("Save to a file", saveToFile),
        button("Load from a file", () => pick.click()),
        button("Forget everything", () => {
          const all = Object.keys(localStorage).filter(key => /^nn(train |-predict:)/.test(key)); // predictions too
          if (!all.length) told.textContent = "Nothing is kept.";
          else if (confirm("Forget what you wrote and solved in this book, in this browser?")) {
            all.forEach(key => localStorage.removeItem(key));
            told.textContent = "Forgotten.";
            showSolved();
          }
        }),
        pick, told,
      );
      box.append(make("summary"), make("ul"), make("p", "What you write and solve is kept by this browser alone. A file takes it to another one."), actions);
      place.append(box);
    }
    box.querySelector("summary").textContent = `${solved(chapters.flatMap(one => one.cells))} of ${total} exercises solved`;
    box.querySelector("ul").replaceChildren(...chapters.map(one => {
      const item = make("li"), link = make("a", one.title);
      link.href = one.page;
      item.append(link, `: ${solved(one.cells)} of ${one.cells.length} solved`);
      return item;
    }));
  }

  function saveToFile() {
    const kept = { book: "Training Neural Networks", code: {}, solved: {} };
    for (const [kind, cell, value] of saved.all()) kept[kind][cell] = value;
    const link = make("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 1)], { type: "application/json" }));
    link.download = "training-neural-networks-progress.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // A file is text from elsewhere: only names and texts are taken from it, and nothing of it runs.
  async function restoreFrom(file) {
    try {
      const kept = JSON.parse(await file.text()), found = [];
      for (const kind of ["code", "solved"])
        for (const [cell, value] of Object.entries(kept[kind])) {
          if (typeof value !== "string" || !KEPT.test(saved.key(kind, cell))) throw new Error("other things in it");
          found.push([kind, cell, value]);
        }
      if (!found.every(one => saved.set(...one))) return "This browser has no room for all of it.";
      const count = found.filter(([kind]) => kind === "solved").length;
      return `Loaded: ${count} solved, ${found.length - count} pieces of code.`;
    } catch {
      return "That file holds no progress of this book. Nothing was changed.";
    }
  }

  let opened;
  const notebook = () =>
    (opened ??= import(new URL(`page.js?${version}`, base).href)
      .then(page => page.open({ base, version, chapter, cells, button, saved, showSolved }))
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

  addChapterLine();
  showSolved();
  addEventListener("storage", showSolved); // another tab has solved one

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
