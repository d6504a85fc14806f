// What every widget's page is made with; the widget's own module follows.

function element(tag, className, text = "") {
  return Object.assign(document.createElement(tag), { className, textContent: text });
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Where a page is not served as secure there is no clipboard to write to.
    const field = Object.assign(element("textarea", ""), { value: text, ariaHidden: "true" });
    const focused = document.activeElement;
    Object.assign(field.style, { position: "fixed", opacity: "0" });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    focused?.focus();
  }
}
