// Sorting and the switch of colours; everything is readable without.
(() => {
  const toggle = document.getElementById("theme");
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  const value = (cell) => {
    const text = (cell.dataset.value ?? cell.textContent).trim().replace(/\u2212/g, "-");
    const number = parseFloat(text);
    return text === "" || text === "–" ? null : Number.isNaN(number) ? text : number;
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    table.querySelectorAll("thead th:not(.nosort)").forEach((head) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        table.querySelectorAll("thead th").forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [value(row.cells[head.cellIndex]), row]);
        const known = rows.filter(([v]) => v !== null);
        known.sort(([a], [b]) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b))));
        if (!up) known.reverse();
        body.append(...known.map(([, row]) => row), ...rows.filter(([v]) => v === null).map(([, row]) => row));
      });
    });
  }
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
})();
