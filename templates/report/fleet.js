"use strict";
const bodies = [...document.querySelectorAll("tbody")];
const heads = [...document.querySelectorAll("thead th")];
const order = new Intl.Collator("en", { numeric: true });
const keyOf = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.k === undefined ? cell.firstChild?.textContent ?? "" : cell.dataset.k;
};
const sortBy = (column, direction) => {
  const numeric = heads[column].classList.contains("n");
  const compare = (a, b) => {
    if (numeric) {
      const [x, y] = [parseFloat(a), parseFloat(b)];
      if (isNaN(x) || isNaN(y)) return isNaN(x) - isNaN(y);
      return direction * (x - y);
    }
    return direction * order.compare(a, b);
  };
  for (const body of bodies) {
    const rows = [...body.rows].slice(1).map((row) => [keyOf(row, column), row]);
    rows.sort((a, b) => compare(a[0], b[0]));
    body.append(...rows.map((pair) => pair[1]));
  }
  heads.forEach((head, index) => {
    if (index === column) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
};
heads.forEach((head, column) => {
  head.querySelector("button").addEventListener("click", () => {
    const first = head.classList.contains("n") ? "descending" : "ascending";
    const now = head.getAttribute("aria-sort");
    const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
    sortBy(column, next === "ascending" ? 1 : -1);
  });
});
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  let count = 0;
  for (const body of bodies) {
    for (const row of [...body.rows].slice(1)) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      count += !row.hidden;
    }
  }
  document.getElementById("found").textContent = wanted ? `${count} found` : "";
});
