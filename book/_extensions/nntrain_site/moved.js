// Leads from an old address to the new one. The element that loads this says which places went to
// which page (data-moved), and where to go otherwise (data-home; without it the reader stays).
(function () {
  "use strict";
  const element = document.currentScript;
  const moved = JSON.parse(element.dataset.moved);
  const wanted = decodeURIComponent(location.hash.slice(1));
  // An exercise keeps its words and not its number.
  const words = (place) => place.replace(/^exercise-\d+-\d+-/, "exercise-");
  let page = element.dataset.home;
  let place = wanted;
  for (const [name, places] of Object.entries(moved)) {
    const found = places.find((known) => known === wanted || (wanted && words(known) === words(wanted)));
    if (found && (found === wanted || /^exercise-/.test(wanted))) {
      page = name;
      place = found;
      break;
    }
  }
  if (page) location.replace(page + location.search + (place ? "#" + encodeURIComponent(place) : ""));
})();
