"use strict";
(() => {
  const form = document.getElementById("filters");
  const { text, verdict, service, shown } = form.elements;
  const accounts = [...document.querySelectorAll("details.account")];
  const initiallyOpen = new Map(accounts.map((account) => [account, account.open]));
  const rowsOf = new Map(accounts.map((account) => [account, [...account.querySelectorAll("tbody tr")]]));
  const total = [...rowsOf.values()].reduce((sum, rows) => sum + rows.length, 0);
  const words = new Map();
  const severity = ["FAIL", "UNKNOWN", "SKIPPED", "PASS"];

  const wordsOf = (account, row) => {
    if (!words.has(row)) {
      words.set(row, `${account.querySelector(".number").textContent} ${row.textContent}`.toLowerCase());
    }
    return words.get(row);
  };

  const filter = () => {
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
  };

  const keyOf = (row, column) => column === 0
    ? String(severity.indexOf(row.dataset.verdict))
    : row.cells[column].textContent.trim();

  const sort = (button) => {
    const heading = button.parentElement;
    const headings = [...heading.parentElement.cells];
    const column = headings.indexOf(heading);
    const direction = heading.ariaSort === "ascending" ? "descending" : "ascending";
    const sign = direction === "ascending" ? 1 : -1;
    const body = heading.closest("table").tBodies[0];
    const keyed = [...body.rows].map((row) => [keyOf(row, column), row]);
    keyed.sort(([one], [other]) => sign * one.localeCompare(other, "en"));
    body.append(...keyed.map(([, row]) => row));
    headings.forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", direction);
  };

  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    if (target.closest("[hidden]")) {
      form.reset();
      filter();
    }
    const folded = target.closest("details");
    if (folded) folded.open = true;
    target.scrollIntoView();
  };

  for (const heading of document.querySelectorAll("details.account th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (button) sort(button);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  window.addEventListener("hashchange", reveal);
  window.addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
  form.hidden = false;
  filter();
  reveal();
})();
