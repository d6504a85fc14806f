// The matrix of a run, and what its other parts are made with.

const ROW = 30; // pixels; run_view.css says so too
const SPARE = 8; // rows above and below those that are seen
const NOTHING = ".";
const NOT_GREEN = /[01]/; // digits of the verdicts, worst first

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function numberOf(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

/** Accounts by services. Only the rows that are seen are in the page, and the one that has the focus. */
class Matrix {
  constructor(verdicts, open) {
    this.verdicts = verdicts; // worst first: {name, sign}
    this.open = open;
    this.rows = new Map(); // account -> {digits, causes}
    this.services = []; // [name, number] in the order of columns
    this.columns = [];
    this.wanted = { red: false, service: null, cause: null, search: "" };
    this.shown = [];
    this.places = new Map();
    this.painted = new Map();
    this.active = { account: null, column: 0 };
    this.head = make("div", { role: "row", class: "row head", "aria-rowindex": "1" });
    this.body = make("div", { role: "rowgroup", class: "body" });
    this.element = make(
      "div",
      {
        role: "grid",
        class: "grid",
        "aria-label": "Worst verdict of each account in each service",
        "aria-readonly": "true",
        onscroll: () => this.paint(),
        onkeydown: (event) => this.press(event),
        onclick: (event) => this.click(event),
      },
      make("div", { role: "rowgroup", class: "heads" }, this.head),
      this.body,
    );
    this.sizes = new ResizeObserver(() => this.paint());
    this.sizes.observe(this.element);
  }

  take({ whole, services, rows }) {
    if (whole) this.rows.clear();
    const before = this.rows.size;
    for (const [account, digits, causes] of rows) this.rows.set(account, { digits, causes });
    if (whole || this.rows.size !== before) this.order = [...this.rows.keys()].sort();
    if (JSON.stringify(services) !== JSON.stringify(this.services)) this.services = services;
    this.filter();
  }

  filter() {
    const { service } = this.wanted;
    const columns = this.services.filter(([, number]) => service === null || number === service);
    const changed = JSON.stringify(columns) !== JSON.stringify(this.columns);
    this.columns = columns;
    if (changed) this.paintHead();
    this.shown = (this.order || []).filter((account) => this.matches(account));
    this.places = new Map(this.shown.map((account, place) => [account, place]));
    if (!this.places.has(this.active.account)) this.active = { account: this.shown[0], column: 0 };
    this.active.column = Math.min(this.active.column, this.columns.length);
    this.element.setAttribute("aria-rowcount", this.shown.length + 1);
    this.element.setAttribute("aria-colcount", this.columns.length + 1);
    this.body.style.height = `${this.shown.length * ROW}px`;
    this.paint();
  }

  matches(account) {
    const { red, service, cause, search } = this.wanted;
    const { digits, causes } = this.rows.get(account);
    const seen = service === null ? digits : digits[service] || NOTHING;
    if (search && !account.includes(search)) return false;
    if (service !== null && seen === NOTHING) return false;
    if (red && !NOT_GREEN.test(seen)) return false;
    if (cause === null) return true;
    const why = service === null ? Object.values(causes).flat() : causes[service] || [];
    return why.includes(cause);
  }

  paintHead() {
    const widths = this.columns.map(([name]) => Math.round(Math.max(56, name.length * 7.4 + 20)));
    const columns = `150px ${widths.map((width) => `minmax(${width}px, auto)`).join(" ")}`;
    this.element.style.setProperty("--columns", columns);
    const heads = ["Account", ...this.columns.map(([name]) => name)];
    const cell = (name, place) => make("div", { role: "columnheader", "aria-colindex": place + 1 }, name);
    this.head.replaceChildren(...heads.map(cell));
  }

  paint() {
    const { scrollTop, clientHeight } = this.element;
    const first = Math.max(0, Math.floor(scrollTop / ROW) - SPARE);
    const last = Math.ceil((scrollTop + clientHeight) / ROW) + SPARE;
    const wanted = new Set(this.shown.slice(first, last));
    const focused = this.places.get(this.active.account);
    const ordered = [...wanted];
    if (focused !== undefined && focused < first) ordered.unshift(this.active.account);
    if (focused !== undefined && focused >= last) ordered.push(this.active.account);
    if (focused !== undefined) wanted.add(this.active.account);
    for (const [account, row] of this.painted) {
      if (!wanted.has(account)) {
        row.remove();
        this.painted.delete(account);
      }
    }
    // Rows keep their order, so what is there already is never moved, and keeps the focus.
    let next = this.body.firstChild;
    for (const account of ordered) {
      let row = this.painted.get(account);
      if (row === undefined) {
        row = make("div", { role: "row", class: "row" });
        this.painted.set(account, row);
        this.body.insertBefore(row, next);
      } else {
        next = row.nextSibling;
      }
      this.fill(row, account);
    }
  }

  fill(row, account) {
    const place = this.places.get(account);
    const top = `${place * ROW}px`;
    if (row.style.top !== top) {
      row.style.top = top;
      row.setAttribute("aria-rowindex", place + 2);
    }
    while (row.children.length > this.columns.length + 1) row.lastChild.remove();
    while (row.children.length <= this.columns.length) {
      const role = row.children.length ? "gridcell" : "rowheader";
      row.append(make("div", { role, "aria-colindex": row.children.length + 1 }));
    }
    const { digits } = this.rows.get(account);
    const worst = [...digits].filter((digit) => digit !== NOTHING).sort()[0];
    this.mark(row.children[0], account, worst, ` ${account}`, this.isActive(account, 0));
    this.columns.forEach(([name, number], at) => {
      this.mark(row.children[at + 1], name, digits[number], "", this.isActive(account, at + 1));
    });
  }

  mark(cell, name, digit, text, active) {
    const verdict = this.verdicts[digit]; // none where nothing was asked
    const shown = (verdict ? verdict.sign : "") + text;
    const label = `${name}: ${verdict ? verdict.name : "nothing was asked"}`;
    if (cell.textContent !== shown || cell.getAttribute("aria-label") !== label) {
      cell.textContent = shown;
      cell.className = verdict ? verdict.name.toLowerCase() : "";
      cell.setAttribute("aria-label", label);
    }
    const tabindex = active ? "0" : "-1";
    if (cell.getAttribute("tabindex") !== tabindex) cell.setAttribute("tabindex", tabindex);
  }

  isActive(account, column) {
    return account === this.active.account && column === this.active.column;
  }

  focus() {
    const row = this.painted.get(this.active.account);
    if (row) row.children[this.active.column].focus({ preventScroll: true });
    return row && row.children[this.active.column];
  }

  /** Have the active cell in view sideways, beside the accounts, which stay. */
  reveal() {
    const row = this.painted.get(this.active.account);
    const cell = row && row.children[this.active.column];
    if (!cell || !this.active.column) return;
    const { scrollLeft, clientWidth } = this.element;
    const leftmost = cell.offsetLeft - row.children[0].offsetWidth;
    const rightmost = cell.offsetLeft + cell.offsetWidth - clientWidth;
    if (scrollLeft < rightmost) this.element.scrollLeft = rightmost;
    else if (scrollLeft > leftmost) this.element.scrollLeft = leftmost;
  }

  move(place, column) {
    if (!this.shown.length) return;
    const to = Math.max(0, Math.min(place, this.shown.length - 1));
    this.active = {
      account: this.shown[to],
      column: Math.max(0, Math.min(column, this.columns.length)),
    };
    const { scrollTop, clientHeight } = this.element;
    const lowest = (to + 1) * ROW + this.head.offsetHeight - clientHeight;
    if (to * ROW < scrollTop) this.element.scrollTop = to * ROW;
    else if (lowest > scrollTop) this.element.scrollTop = lowest;
    this.paint();
    const cell = this.focus();
    if (cell) cell.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  press(event) {
    const { column } = this.active;
    const place = this.places.get(this.active.account) || 0;
    const page = Math.max(1, Math.floor((this.element.clientHeight - this.head.offsetHeight) / ROW) - 1);
    const far = event.ctrlKey || event.metaKey;
    const moves = {
      ArrowUp: [place - 1, column],
      ArrowDown: [place + 1, column],
      ArrowLeft: [place, column - 1],
      ArrowRight: [place, column + 1],
      PageUp: [place - page, column],
      PageDown: [place + page, column],
      Home: [far ? 0 : place, 0],
      End: [far ? this.shown.length - 1 : place, this.columns.length],
    };
    if (event.key in moves) this.move(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.openActive();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  click(event) {
    const cell = event.target.closest("[role=gridcell], [role=rowheader]");
    if (!cell) return;
    const found = [...this.painted].find(([, row]) => row === cell.parentElement);
    this.active = { account: found[0], column: [...cell.parentElement.children].indexOf(cell) };
    this.paint();
    this.openActive();
  }

  openActive() {
    const { account, column } = this.active;
    if (account !== undefined) this.open(account, column ? this.columns[column - 1][0] : null);
  }
}
