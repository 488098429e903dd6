// A box that scrolls sideways (a long equation, a wide table) can be reached, and scrolled, with the keyboard.
(() => {
  const boxes =
    ".bd-article pre, .bd-article table, .bd-article div.math, .bd-article mjx-container[display], .bd-article .cell_output, .bd-article .output";
  const mark = () => {
    for (const box of document.querySelectorAll(boxes)) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1;
      if (scrolls && !box.hasAttribute("tabindex")) {
        box.tabIndex = 0;
        box.dataset.scrolls = "";
      } else if (!scrolls && "scrolls" in box.dataset) {
        box.removeAttribute("tabindex");
        delete box.dataset.scrolls;
      }
    }
  };
  addEventListener("DOMContentLoaded", () => {
    const article = document.querySelector(".bd-article");
    if (article) new ResizeObserver(mark).observe(article); // also called once at the start, and after typesetting
  });
})();
