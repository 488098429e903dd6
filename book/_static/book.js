// A box that scrolls sideways (a long equation, a wide table) can be reached, and scrolled, with the keyboard.
(() => {
  const boxes =
    ".bd-article pre, .bd-article table, .bd-article span.math, .bd-article mjx-container[display], .bd-article .cell_output, .bd-article .output";
  const mark = () => {
    for (const box of document.querySelectorAll(boxes)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      box.toggleAttribute("data-scrolls", scrolls);
      if (scrolls) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector(".bd-article");
    if (article) new ResizeObserver(mark).observe(article); // also called once at the start, and after typesetting
  });
  addEventListener("resize", () => setTimeout(mark, 500)); // after the theme's own marks
})();

// Set the formulas a few at a time, from the top: the page answers its reader while the rest is still to come.
if (window.MathJax) {
  const typeset = async () => {
    await MathJax.startup.defaultPageReady();
    const formulas = [...document.querySelectorAll(".math")];
    while (formulas.length) {
      await MathJax.typesetPromise(formulas.splice(0, 8));
      await new Promise(resolve => setTimeout(resolve));
    }
  };
  MathJax.startup = { typeset: false, pageReady: typeset };
}

// On paper a fold cannot be opened, and a dark page is a waste of ink: all folds but those of code are opened, the
// light is on, and afterwards everything is as it was.
(() => {
  let restore = [];
  addEventListener("beforeprint", () => {
    const { theme, mode } = document.documentElement.dataset;
    const folds = [...document.querySelectorAll(".bd-article details:not([open], .hide)")];
    restore = [
      ...folds.map(fold => () => { fold.open = false; }),
      () => { Object.assign(document.documentElement.dataset, { theme, mode }); },
    ];
    for (const fold of folds) fold.open = true;
    Object.assign(document.documentElement.dataset, { theme: "light", mode: "light" });
  });
  addEventListener("afterprint", () => { for (const undo of restore.splice(0)) undo(); });
})();

// A link to a place in a folded section opens it, and so does a word that the reader has searched for.
(() => {
  const open = place => {
    const section = place.closest("section.deeper");
    if (section) section.querySelector(":scope > details.deeper").open = true;
    for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  };
  const arrive = () => {
    const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place?.closest("section.deeper, details")) return;
    open(place);
    place.scrollIntoView();
  };
  addEventListener("hashchange", arrive);
  addEventListener("DOMContentLoaded", arrive);
  addEventListener("click", event => {
    if (event.target.closest?.('a[href^="#"]')) setTimeout(arrive); // the same address again is no change
  });
  addEventListener("load", () => { // the searched words are marked by then
    for (const word of document.querySelectorAll(".bd-article .highlighted")) open(word);
  });
})();
