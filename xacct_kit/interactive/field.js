// A control with its label, its help and its message, tied together for those who do not see them.

const PAUSE = 200; // milliseconds after the last key until what was typed is checked

const MAKERS = {
  lines: () => Object.assign(document.createElement("textarea"), { rows: 4 }),
  choice: () => document.createElement("select"),
  tick: () => Object.assign(document.createElement("input"), { type: "checkbox" }),
  copy: () => Object.assign(document.createElement("input"), { type: "text", readOnly: true }),
  number: () => Object.assign(document.createElement("input"), { type: "text", inputMode: "decimal" }),
};
const INPUT = () => Object.assign(document.createElement("input"), { type: "text" });

function copyButton(control, message) {
  const button = Object.assign(element("button", "xacct-copy-button", "Copy"), { type: "button" });
  button.addEventListener("click", async () => {
    await copy(control.value);
    message.textContent = "";
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
  return button;
}

// Nothing but a reference to where a secret is kept leaves this page.
function isReference(model, text) {
  return Object.entries(model.get("references")).some(([kind, shape]) =>
    new RegExp(`^${kind}:(?:${shape})$`).test(text));
}

function refusal(model, text) {
  const kinds = Object.keys(model.get("references"));
  const kind = kinds.find((each) => text.startsWith(`${each}:`));
  return model.get("refusals")[kind ?? ""];
}

function mayBecomeReference(model, text) {
  return Object.keys(model.get("references")).some((kind) =>
    `${kind}:`.startsWith(text) || text.startsWith(`${kind}:`));
}

// Where no text is edited, JupyterLab takes keys for commands to its notebook: Enter on a button, a letter in
// a list. https://lumino.readthedocs.io/en/latest/api/classes/commands.CommandRegistry-1.html
function keepKeys(el) {
  new ResizeObserver((_entries, observer) => {
    const wizard = el.closest(".xacct-wizard");
    if (!wizard) return;
    observer.disconnect();
    if (wizard.dataset.keepsKeys) return;
    wizard.dataset.keepsKeys = "true";
    wizard.addEventListener("focusin", ({ target }) => {
      if (!target.matches("textarea, input:not([type=checkbox], [type=file])"))
        target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
  }).observe(el);
}

function render({ model, el }) {
  keepKeys(el);
  const kind = model.get("kind");
  // Each widget has this module to itself, so that no counter would tell two fields apart.
  const name = `xacct-field-${Math.random().toString(36).slice(2)}`;
  const control = (MAKERS[kind] ?? INPUT)();
  control.id = name;
  control.autocomplete = "off";
  control.spellcheck = false;
  const label = Object.assign(element("label", "xacct-label", model.get("label")), { htmlFor: name });
  const help = Object.assign(element("div", "xacct-help"), { id: `${name}-help` });
  const message = Object.assign(element("div", "xacct-message"), { id: `${name}-message` });
  message.setAttribute("aria-live", "polite");
  control.setAttribute("aria-describedby", `${message.id} ${help.id}`);
  const field = element("div", `xacct-field xacct-${kind}`);
  field.append(...(kind === "tick" ? [control, label] : [label, control]), message, help);
  if (kind === "copy") control.after(copyButton(control, message));
  el.replaceChildren(field);

  let waiting = null;
  let refused = "";

  const isTyping = () => waiting !== null || (kind === "reference" && control === document.activeElement);
  const showOptions = () => {
    if (kind !== "choice") return;
    control.replaceChildren(...model.get("options").map(([value, text]) => new Option(text, value)));
    control.value = model.get("value");
  };
  const showValue = () => {
    const value = model.get("value");
    if (kind === "tick") control.checked = value === "true";
    // What is being typed is newer than what comes back.
    else if (!isTyping() && control.value !== value) control.value = value;
  };
  const showMessage = () => {
    const text = refused || model.get("message");
    message.textContent = text;
    control.setAttribute("aria-invalid", String(Boolean(text)));
  };
  const showHelp = () => {
    help.textContent = model.get("help");
    label.textContent = model.get("label");
  };
  const send = () => {
    clearTimeout(waiting);
    waiting = null;
    const value = kind === "tick" ? String(control.checked) : control.value;
    if (value !== model.get("value")) {
      model.set("value", value);
      model.save_changes();
    }
  };
  const typed = () => {
    clearTimeout(waiting);
    waiting = setTimeout(send, PAUSE);
  };
  const referred = (left) => {
    const text = control.value.trim();
    const good = !text || isReference(model, text);
    refused = good || (!left && mayBecomeReference(model, text)) ? "" : refusal(model, text);
    if (!good && left) control.value = "";
    showMessage();
    // Not before: what is half typed may be a name, and whole a secret.
    if (left) send();
  };

  control.addEventListener("input", (event) => {
    if (kind === "reference") referred(event.inputType === "insertFromPaste");
    else typed();
  });
  if (kind === "reference") {
    control.addEventListener("blur", () => referred(true));
    control.addEventListener("keydown", (event) => event.key === "Enter" && referred(true));
  } else {
    control.addEventListener("change", send);
  }

  const handlers = {
    "change:value": showValue,
    "change:message": showMessage,
    "change:options": showOptions,
    "change:help change:label": showHelp,
    "msg:custom": (content) => content.focus && control.focus(),
  };
  for (const [event, handler] of Object.entries(handlers)) model.on(event, handler);
  showOptions();
  showValue();
  showMessage();
  showHelp();
  return () => {
    clearTimeout(waiting);
    for (const [event, handler] of Object.entries(handlers)) model.off(event, handler);
  };
}

export default { render };
