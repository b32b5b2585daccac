// Sorts by a click on a name, finds rows that have a text. Looks for its table around itself, so it needs
// no names; a page that takes scripts away leaves the table as it stands.
(() => {
  const me = document.currentScript, at = (me && me.parentElement) || document;
  const own = at.closest && at.closest(".laminar");
  for (const root of own ? [own] : at.querySelectorAll(".laminar")) {
    const table = root.querySelector("table.lm-grid");
    if (root.dataset.on || !table || !table.tHead) continue;
    root.dataset.on = 1;
    const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
    let by = -1, up = true;
    const text = (row, i) => row.cells[i].textContent;
    const none = (row, i) => row.cells[i].classList.contains("lm-null");
    const number = (row, i) => parseFloat(text(row, i).replace(/,/g, ""));
    const sort = i => {
      up = by === i ? !up : true;
      by = i;
      const numeric = i === 0 || heads[i].classList.contains("lm-n");
      rows.sort((a, b) => {
        const x = none(a, i), y = none(b, i);
        if (x || y) return x - y;
        const p = text(a, i), q = text(b, i);
        const order = numeric ? number(a, i) - number(b, i) : p < q ? -1 : p > q ? 1 : 0;
        return up ? order : -order;
      });
      body.append(...rows);
      heads.forEach((h, j) => h.setAttribute("aria-sort", j !== i ? "none" : up ? "ascending" : "descending"));
    };
    heads.forEach((h, i) => {
      h.dataset.sort = 1;
      h.tabIndex = 0;
      h.onclick = () => sort(i);
      h.onkeydown = e => {
        if (e.key !== "Enter" && e.key !== " ") return;
        e.preventDefault();
        sort(i);
      };
    });
    if (rows.length <= 5) continue;
    const find = document.createElement("input");
    find.className = "lm-find";
    find.type = "search";
    find.placeholder = "Find in rows";
    find.setAttribute("aria-label", "Find in rows");
    find.onkeydown = e => e.stopPropagation();
    find.oninput = () => {
      const wanted = find.value.toLowerCase();
      for (const row of rows) row.style.display = row.textContent.toLowerCase().includes(wanted) ? "" : "none";
    };
    root.insertBefore(find, root.querySelector(".lm-box"));
  }
})();
