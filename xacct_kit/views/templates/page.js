"use strict";
(() => {
  const form = document.getElementById("filters");
  const tables = [...document.querySelectorAll("table")];
  const asMade = new Map(tables.map((table) => [table, [...table.tBodies[0].rows]]));
  const accounts = [...document.querySelectorAll("details.account")];
  const initiallyOpen = new Map(accounts.map((account) => [account, account.open]));
  const rowsOf = new Map(accounts.map((account) => [account, asMade.get(account.querySelector("table"))]));
  const total = [...rowsOf.values()].reduce((sum, rows) => sum + rows.length, 0);
  const words = new Map();
  const { compare } = new Intl.Collator("en", { numeric: true });

  const wordsOf = (account, row) => {
    if (!words.has(row)) {
      words.set(row, `${account.querySelector(".number").textContent} ${row.textContent}`.toLowerCase());
    }
    return words.get(row);
  };

  const filter = () => {
    const { text, verdict, service, shown } = form.elements;
    const wanted = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = wanted.length > 0 || verdict.value !== "" || service.value !== "";
    let count = 0;
    for (const account of accounts) {
      let matches = 0;
      for (const row of rowsOf.get(account)) {
        row.hidden = !((!verdict.value || row.dataset.verdict === verdict.value)
          && (!service.value || row.dataset.service === service.value)
          && wanted.every((word) => wordsOf(account, row).includes(word)));
        matches += row.hidden ? 0 : 1;
      }
      account.hidden = matches === 0;
      account.open = active || initiallyOpen.get(account);
      count += matches;
    }
    const checks = `${total.toLocaleString("en")} ${total === 1 ? "check" : "checks"}`;
    shown.value = active ? `${count.toLocaleString("en")} of ${checks}${form.dataset.where ?? ""}` : checks;
    form.classList.toggle("active", active);
  };

  // A cell that is not sorted by its text has a key.
  const keyOf = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent.trim();

  const sort = (table, column, direction) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading) => heading.removeAttribute("aria-sort"));
    const rows = [...asMade.get(table)];
    if (column >= 0) {
      headings[column].setAttribute("aria-sort", direction);
      const sign = direction === "ascending" ? 1 : -1;
      rows.sort((one, other) => sign * compare(keyOf(one, column), keyOf(other, column)));
    }
    table.tBodies[0].append(...rows);
  };

  const sortBy = (button) => {
    const heading = button.parentElement;
    const direction = heading.ariaSort === "ascending" ? "descending" : "ascending";
    sort(heading.closest("table"), heading.cellIndex, direction);
  };

  // Where headings have no room, one order is chosen for all accounts.
  const sortAll = () => {
    const column = Number(form.elements.order.value);
    for (const account of accounts) sort(account.querySelector("table"), column, "ascending");
  };

  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest("[hidden]")) {
      form.reset();
      filter();
    }
    for (let folded = target.closest("details"); folded; folded = folded.parentElement.closest("details")) {
      folded.open = true;
    }
    const focused = target.querySelector(":scope > summary") ?? target;
    if (focused.tabIndex < 0) focused.tabIndex = -1;
    focused.focus({ preventScroll: true });
    target.scrollIntoView();
  };

  // The accounts that are alike may be thousands, and are in the files.
  const unfolded = [];
  const unfold = () => {
    unfolded.push(...document.querySelectorAll("details:not([open], .alike)"));
    for (const each of unfolded) each.open = true;
  };
  const foldAgain = () => {
    for (const each of unfolded.splice(0)) each.open = false;
  };

  for (const heading of document.querySelectorAll("thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (button) sortBy(button);
    // A link to where the page already is changes no hash.
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) reveal();
  });
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", unfold);
  window.addEventListener("afterprint", foldAgain);
  if (form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", filter);
    form.elements.order.addEventListener("change", sortAll);
    form.addEventListener("reset", () => setTimeout(() => { filter(); sortAll(); }));
    form.hidden = false;
    filter();
  }
  reveal();
})();
