// The URL of the service, one level above this script. The contract names no server, which would mean the root of the
// host: a reverse proxy may serve the API elsewhere.
const service = new URL("..", document.currentScript.src).href;
const servers = [{ url: service.replace(/\/$/, "") }];
const updateJsonSpec = (update) => (contract) => update({ ...contract, servers });

// A link within the button that opens an operation would be two controls in one, and the only server needs no list.
const components = { DeepLink: ({ text }) => text, ServersContainer: () => null };
const own = () => ({ components, statePlugins: { spec: { wrapActions: { updateJsonSpec } } } });

// Operations are shown in the order in which a client calls them.
const order = ["createImport", "getImport", "headImport", "listImports", "deleteImport", "signParts", "listParts"];
const position = (operation) => (order.indexOf(operation.getIn(["operation", "operationId"])) + 99) % 99;

SwaggerUIBundle({
  url: `${service}openapi.json`,
  dom_id: "#contract",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  operationsSorter: (a, b) => position(a) - position(b),
  syntaxHighlight: false,
  validatorUrl: null,
  plugins: [own],
});

// Swagger UI gives some controls no name, and some scrolling blocks no focus.
const name = (selector, label) => {
  for (const element of document.querySelectorAll(selector)) {
    if (!element.hasAttribute("aria-label")) element.setAttribute("aria-label", label(element));
  }
};
const makeAccessible = () => {
  name("#contract tr[data-param-name] :is(input, select, textarea)",
    (element) => element.closest("[data-param-name]").dataset.paramName);
  name("#contract .body-param__text", () => "Request body");
  name("#contract .examples-select-element", () => "Example");
  name("#contract .copy-to-clipboard button", () => "Copy");
  name("#contract .responses-table[role]", (table) => `Responses, ${table.id}`);
  name("#contract .close-modal", () => "Close");
  for (const button of document.querySelectorAll("#contract .modal-btn[aria-label]")) {
    button.removeAttribute("aria-label"); // it differs from the visible text
  }
  for (const block of document.querySelectorAll("#contract pre:not([tabindex])")) block.tabIndex = 0;
};
new MutationObserver(makeAccessible).observe(document.getElementById("contract"), { childList: true, subtree: true });
