// A tree of check boxes, as https://www.w3.org/WAI/ARIA/apg/patterns/treeview/ has it.

const AT_ONCE = 200; // of many accounts so many are drawn; the rest when they are asked for
const SIGNS = { true: "\u2611", mixed: "\u25a3", false: "\u2610" };

function render({ model, el }) {
  const inside = new Map();
  for (const node of model.get("nodes")) {
    inside.set(node.id, []);
    inside.get(node.parent)?.push(node);
  }
  const tree = element("ul", "xacct-tree");
  tree.setAttribute("role", "tree");
  tree.setAttribute("aria-multiselectable", "true");
  tree.setAttribute("aria-label", model.get("label"));
  el.replaceChildren(tree);

  const isTicked = (id) => model.get("ticked")[id] ?? "false";
  const itemsShown = () => [...tree.querySelectorAll('[role="treeitem"]')].filter((item) => item.offsetParent);
  const itemOf = (id) => tree.querySelector(`[data-id="${CSS.escape(id)}"]`);

  const showTick = (item) => {
    const state = isTicked(item.dataset.id);
    item.setAttribute("aria-checked", state);
    item.querySelector(".xacct-tick-sign").textContent = SIGNS[state];
  };
  const focus = (item) => {
    if (!item) return;
    for (const other of tree.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
    item.tabIndex = 0;
    item.focus();
  };

  const draw = (node, level) => {
    const place = element("li", node.account ? "xacct-account" : "xacct-unit");
    place.setAttribute("role", "none");
    const item = element("div", "xacct-row");
    item.dataset.id = node.id;
    item.setAttribute("role", "treeitem");
    item.setAttribute("aria-level", level);
    item.setAttribute("data-lm-suppress-shortcuts", "true"); // its keys are none of JupyterLab's commands
    item.tabIndex = -1;
    const fold = element("span", "xacct-fold");
    const sign = element("span", "xacct-tick-sign");
    for (const drawn of [fold, sign]) drawn.setAttribute("aria-hidden", "true");
    item.append(fold, sign, element("span", "xacct-name", node.name || node.id), " ", element("span", "xacct-id", node.id));
    if (node.leftOut) {
      item.setAttribute("aria-disabled", "true");
      item.append(" ", element("span", "xacct-why", node.leftOut));
    }
    if (inside.get(node.id).length) item.setAttribute("aria-expanded", "false");
    showTick(item);
    place.append(item);
    return place;
  };
  const drawInside = (item, group, nodes, level) => {
    group.append(...nodes.slice(0, AT_ONCE).map((node) => draw(node, level)));
    const rest = nodes.slice(AT_ONCE);
    if (!rest.length) return;
    const more = element("li", "xacct-more", `Show ${Math.min(rest.length, AT_ONCE)} more of ${rest.length}`);
    more.setAttribute("role", "treeitem");
    more.setAttribute("aria-level", level);
    more.tabIndex = -1;
    more.showMore = () => {
      more.remove();
      drawInside(item, group, rest, level);
      focus(itemOf(rest[0].id));
    };
    group.append(more);
  };
  const unfold = (item, open) => {
    item.setAttribute("aria-expanded", String(open));
    const level = Number(item.getAttribute("aria-level")) + 1;
    let group = item.parentElement.querySelector(":scope > ul");
    if (open && !group) {
      group = element("ul", "xacct-group");
      group.setAttribute("role", "group");
      group.id = `xacct-group-${Math.random().toString(36).slice(2)}`;
      item.setAttribute("aria-owns", group.id);
      drawInside(item, group, inside.get(item.dataset.id), level);
      item.after(group);
    }
    if (group) group.hidden = !open;
  };
  const toggle = (item) => {
    if (item.showMore) item.showMore();
    else if (!item.hasAttribute("aria-disabled")) model.send({ toggle: item.dataset.id });
  };

  const isOpen = (item) => item.getAttribute("aria-expanded") === "true";
  const moves = {
    ArrowDown: (item, items) => focus(items[items.indexOf(item) + 1]),
    ArrowUp: (item, items) => focus(items[items.indexOf(item) - 1]),
    Home: (_item, items) => focus(items[0]),
    End: (_item, items) => focus(items.at(-1)),
    ArrowRight: (item, items) => {
      if (!item.hasAttribute("aria-expanded")) return;
      if (isOpen(item)) focus(items[items.indexOf(item) + 1]);
      else unfold(item, true);
    },
    ArrowLeft: (item) => {
      if (isOpen(item)) unfold(item, false);
      else focus(item.closest("ul").previousElementSibling);
    },
    " ": toggle,
    Enter: toggle,
  };
  tree.addEventListener("keydown", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (!item || !moves[event.key] || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    moves[event.key](item, itemsShown());
  });
  tree.addEventListener("click", (event) => {
    const item = event.target.closest('[role="treeitem"]');
    if (!item) return;
    focus(item);
    if (event.target.closest(".xacct-fold") && item.hasAttribute("aria-expanded")) unfold(item, !isOpen(item));
    else toggle(item);
  });

  const showTicks = () => tree.querySelectorAll("[data-id]").forEach(showTick);
  model.on("change:ticked", showTicks);

  const roots = model.get("nodes").filter((node) => node.parent === null);
  tree.append(...roots.map((root) => draw(root, 1)));
  for (const root of roots) if (inside.get(root.id).length) unfold(itemOf(root.id), true);
  const first = tree.querySelector('[role="treeitem"]');
  if (first) first.tabIndex = 0;
  return () => model.off("change:ticked", showTicks);
}

export default { render };
