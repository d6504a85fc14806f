// A run that is watched. The kernel sends what has changed and answers what is asked; it is asked for the
// findings of a cell when somebody opens it. Texts of findings become text, never markup.

function duration(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

async function copyAndSay(text, told) {
  await copy(text);
  say(told, "Copied");
  setTimeout(() => say(told, ""), 4000);
}

/** What is known of a cell: who asked for what, what came back, why, and what to do. */
class Detail {
  constructor(verdicts, closed) {
    this.verdicts = verdicts;
    this.heading = make("h3", { tabindex: "-1" });
    this.found = make("div", { class: "found" });
    const close = make("button", { type: "button", onclick: () => this.close() }, "Close");
    this.closed = closed;
    this.element = make(
      "section",
      { class: "detail", hidden: true, "aria-label": "Findings" },
      make("div", { class: "line" }, this.heading, close),
      this.found,
    );
  }

  ask(account, service) {
    this.asked = [account, service].join(" ");
    this.element.hidden = false;
    say(this.heading, service === null ? account : `${service} in ${account}`);
    this.found.replaceChildren(make("p", { class: "quiet" }, "Asking the kernel …"));
    this.heading.focus({ preventScroll: true });
    this.element.scrollIntoView({ block: "nearest" });
  }

  take({ account, service, findings }) {
    if (this.asked !== [account, service].join(" ")) return; // another one was opened since
    const none = make("p", { class: "quiet" }, "Nothing was asked here.");
    this.found.replaceChildren(...(findings.length ? findings.map((each) => this.finding(each)) : [none]));
  }

  finding({ verdict, title, said }) {
    const { name, sign } = this.verdicts[verdict];
    const rows = said.flatMap(([label, text, isCode]) => [
      make("dt", {}, label),
      make("dd", {}, ...(isCode ? this.code(label, text) : [text])),
    ]);
    const badge = make("span", { class: `badge ${name.toLowerCase()}` }, `${sign} ${name}`);
    return make("article", {}, make("h4", {}, badge, ` ${title}`), make("dl", {}, ...rows));
  }

  code(label, text) {
    const told = make("span", { class: "quiet", role: "status" });
    const button = make("button", { type: "button", onclick: () => copyAndSay(text, told) }, "Copy");
    button.setAttribute("aria-label", `Copy: ${label}`);
    return [make("pre", { tabindex: "0", "aria-label": label }, text), button, " ", told];
  }

  close() {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.closed();
  }
}

/** How the run stands: state, totals, steps, and what can be done about it. */
class Standing {
  constructor(verdicts, ask) {
    this.verdicts = verdicts;
    this.told = make("strong", { role: "status" });
    this.elapsed = make("span", { class: "quiet" });
    this.act = make("button", { type: "button", hidden: true, onclick: () => this.press(ask) });
    this.report = make(
      "button",
      { type: "button", hidden: true, onclick: () => ask({ ask: "report" }) },
      "Open report",
    );
    this.counts = verdicts.map(({ name }) => make("li", { class: `badge ${name.toLowerCase()}` }));
    this.steps = make("ol", { class: "steps", "aria-label": "Steps" });
    this.now = make("p", { class: "quiet now" });
    this.path = make("p", { class: "quiet now" });
    this.failure = make("pre", { class: "failure", hidden: true });
    this.parts = [
      make("div", { class: "line" }, make("p", {}, this.told, " ", this.elapsed), this.act, this.report),
      make("ul", { class: "counts", "aria-label": "Verdicts" }, ...this.counts),
      this.failure,
      this.steps,
      this.now,
      this.path,
    ];
  }

  take(standing) {
    this.last = standing;
    this.heard = performance.now();
    const { state, told, failure, counts, resumable, report, now } = standing;
    say(this.told, told);
    this.failure.hidden = !failure.length;
    say(this.failure, failure.join("\n"));
    counts.forEach((count, at) => {
      const { name, sign } = this.verdicts[at];
      say(this.counts[at], `${sign} ${count.toLocaleString("en")} ${name}`);
      this.counts[at].classList.toggle("none", !count);
    });
    const acts = { ready: "Start", running: "Cancel", stopping: "Cancel", stopped: "Resume", unfinished: "Resume" };
    this.act.hidden = !resumable || !acts[state];
    say(this.act, acts[state] || "");
    // Not `disabled`: the focus would be lost.
    this.act.setAttribute("aria-disabled", String(state === "stopping"));
    this.report.hidden = !report;
    say(this.path, report ? `Report: ${report}` : "");
    say(this.now, now ? `Last told: ${now}` : "");
    this.tick();
  }

  press(ask) {
    const asks = { ready: "start", running: "cancel", stopped: "resume", unfinished: "resume" };
    const asked = asks[this.last.state];
    if (asked) ask({ ask: asked });
  }

  /** Let the clocks go on between two messages. */
  tick() {
    if (!this.last) return;
    const { state, elapsed, steps } = this.last;
    const running = state === "running" || state === "stopping";
    const since = running ? (performance.now() - this.heard) / 1000 : 0;
    say(this.elapsed, elapsed === undefined ? "" : duration(elapsed + since));
    (steps || []).forEach((step, at) => this.step(step, at, since));
  }

  step({ title, done, accounts, elapsed, running }, at, since) {
    if (!this.steps.children[at]) {
      const bar = make("progress", { "aria-label": title });
      this.steps.append(make("li", {}, make("span", {}, title), bar, make("span", { class: "quiet" })));
    }
    const [, bar, text] = this.steps.children[at].children;
    const share = accounts ? done / accounts : 0;
    if (bar.value !== share) bar.value = share;
    const of = accounts ? `${done.toLocaleString("en")} of ${numberOf(accounts, "account")}` : `${numberOf(done, "account")} so far`;
    const took = elapsed === null ? "" : `, ${duration(elapsed + (running ? since : 0))}`;
    say(text, `${of}${took}`);
  }
}

/** What is looked for. */
class Filters {
  constructor(matrix, verdicts) {
    this.matrix = matrix;
    this.verdicts = verdicts;
    this.red = make("input", { type: "checkbox" });
    this.service = make("select", { "aria-label": "Service" }, new Option("All services", ""));
    this.cause = make("select", { "aria-label": "Cause" }, new Option("All causes", ""));
    this.search = make("input", { type: "search", inputmode: "numeric", placeholder: "digits" });
    this.shown = make("output", { class: "quiet" });
    this.causes = new Map();
    this.element = make(
      "form",
      {
        class: "filters",
        oninput: () => this.change(),
        onsubmit: (event) => event.preventDefault(),
        onreset: () => setTimeout(() => this.change()),
      },
      make("label", { class: "beside" }, this.red, " Only what is not green"),
      make("label", {}, "Service ", this.service),
      make("label", { class: "wide" }, "Cause ", this.cause),
      make("label", {}, "Account ", this.search),
      make("button", { type: "reset" }, "Show all"),
      this.shown,
    );
  }

  take({ whole, services, causes }) {
    if (whole) this.causes.clear();
    for (const [number, digit, what] of causes) this.causes.set(number, { sign: this.verdicts[digit].sign, what });
    const accounts = new Map();
    for (const row of this.matrix.rows.values()) {
      for (const number of new Set(Object.values(row.causes).flat())) {
        accounts.set(number, (accounts.get(number) || 0) + 1);
      }
    }
    const found = [...this.causes].filter(([number]) => accounts.has(number));
    found.sort(([one], [other]) => accounts.get(other) - accounts.get(one) || one - other);
    this.offer(
      this.cause,
      found.map(([number, { sign, what }]) => [number, `${sign} ${what}: ${numberOf(accounts.get(number), "account")}`]),
    );
    this.offer(this.service, services.map(([name, number]) => [number, name]));
    this.count();
  }

  /** Change what a list offers, and nothing that is chosen. */
  offer(list, choices) {
    const chosen = list.value;
    while (list.options.length > choices.length + 1) list.lastChild.remove();
    choices.forEach(([value, text], at) => {
      if (!list.options[at + 1]) list.append(new Option());
      list.options[at + 1].value = value;
      say(list.options[at + 1], text);
    });
    if (list.value !== chosen) list.value = chosen;
    if (list.selectedIndex < 0) list.value = "";
  }

  change() {
    const chosen = (list) => (list.value === "" ? null : Number(list.value));
    this.matrix.wanted = {
      red: this.red.checked,
      service: chosen(this.service),
      cause: chosen(this.cause),
      search: this.search.value.trim(),
    };
    this.matrix.element.scrollTop = 0;
    this.matrix.filter();
    this.count();
  }

  count() {
    const { rows, shown } = this.matrix;
    say(this.shown, rows.size ? `${shown.length.toLocaleString("en")} of ${numberOf(rows.size, "account")}` : "No account yet");
  }
}

function openPage(html) {
  const address = URL.createObjectURL(new Blob([html], { type: "text/html" }));
  window.open(address, "_blank");
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

function render({ model, el }) {
  const view = `${Date.now()}-${Math.random()}`; // a run may be shown twice; each view gets its own answers
  const ask = (question) => model.send({ view, ...question });
  const verdicts = model.get("verdicts");
  const detail = new Detail(verdicts, () => matrix.focus());
  const matrix = new Matrix(verdicts, (account, service) => {
    detail.ask(account, service);
    ask({ ask: "cell", account, service });
  });
  const standing = new Standing(verdicts, ask);
  const filters = new Filters(matrix, verdicts);
  const command = model.get("command");
  const copied = make("span", { class: "quiet", role: "status" });
  const commandLine = make(
    "div",
    { class: "command", hidden: !command },
    make("code", {}, command),
    make("button", { type: "button", onclick: () => copyAndSay(command, copied) }, "Copy command"),
    copied,
  );
  const root = make(
    "section",
    {
      class: "xacct-run",
      "aria-label": "Run",
      // JupyterLab has shortcuts on single keys: https://jupyterlab.readthedocs.io/en/stable/user/interface_customization.html
      "data-lm-suppress-shortcuts": "true",
      onkeydown: (event) => event.key === "Escape" && (detail.close(), event.stopPropagation()),
    },
    ...standing.parts,
    commandLine,
    filters.element,
    make("div", { class: "sheet" }, matrix.element, detail.element),
  );
  let whole = false;
  const answers = {
    changes: (message) => {
      whole ||= Boolean(message.whole);
      if (message.rows) {
        matrix.take(message);
        filters.take(message);
      }
      standing.take(message);
    },
    cell: (message) => {
      detail.take(message);
      // The matrix has less room now.
      matrix.reveal();
    },
    report: (message) => openPage(message.html),
  };
  const hear = (message) => {
    if (message.view === undefined || message.view === view) answers[message.kind](message);
  };
  model.on("msg:custom", hear);
  const clock = setInterval(() => standing.tick(), 1000);
  el.append(root);
  // Asked again until it is answered, more and more seldom, since the kernel may just be busy: of a page that is
  // loaded anew ipykernel loses the first message (UnknownSubshellError, of the page before).
  let asking;
  const askForAll = (again) => {
    if (whole) return;
    ask({ ask: "all" });
    asking = setTimeout(askForAll, again, 2 * again);
  };
  askForAll(1000);
  return () => {
    clearTimeout(asking);
    clearInterval(clock);
    matrix.sizes.disconnect();
    model.off("msg:custom", hear);
  };
}

export default { render };
