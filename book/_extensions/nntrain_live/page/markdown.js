// The little Markdown that cells produce: paragraphs, listings, lists, emphasis, code, formulas.
const escaped = text => text.replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);

function inline(text) {
  const kept = [];
  const keep = html => `\u0000${kept.push(html) - 1}\u0000`;
  return escaped(text)
    .replace(/`([^`]+)`/g, (_, code) => keep(`<code class="docutils literal notranslate">${code}</code>`))
    .replace(/\$([^$]+)\$/g, (_, formula) => keep(`<span class="math">\\(${formula}\\)</span>`))
    .replace(/\*\*([^*]+)\*\*/g, "<strong>$1</strong>")
    .replace(/\*([^*\s][^*]*)\*/g, "<em>$1</em>")
    .replace(/\u0000(\d+)\u0000/g, (_, index) => kept[index]);
}

/** An element that shows the text. */
export function markdown(text) {
  const box = document.createElement("div");
  for (const part of text.split(/^(```[\s\S]*?^```)\s*$/m)) {
    const listing = part.match(/^```\w*\n([\s\S]*?)\n?```$/);
    if (listing) {
      const pre = document.createElement("pre");
      pre.textContent = listing[1];
      const highlight = document.createElement("div");
      highlight.className = "highlight";
      highlight.append(pre);
      box.append(highlight);
      continue;
    }
    for (const paragraph of part.split(/\n\s*\n/).map(one => one.trim()).filter(Boolean)) {
      const lines = paragraph.split("\n");
      if (lines.every(line => /^[-*] /.test(line))) {
        const list = document.createElement("ul");
        list.innerHTML = lines.map(line => `<li>${inline(line.slice(2))}</li>`).join("");
        box.append(list);
      } else {
        const made = document.createElement("p");
        made.innerHTML = inline(paragraph);
        box.append(made);
      }
    }
  }
  window.MathJax?.typesetPromise?.([box]);
  return box;
}
