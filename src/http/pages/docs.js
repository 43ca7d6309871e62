// Shows the documents that the page lists; which one is chosen stands in the address.
const links = [...document.querySelectorAll("nav a[data-name]")];
SwaggerUIBundle({
  dom_id: "#ui",
  urls: links.map((link) => ({ name: link.dataset.name, url: link.getAttribute("href") })),
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  layout: "StandaloneLayout",
  deepLinking: true,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // Nobody outside is asked whether a document is valid.
  validatorUrl: null,
});

// Swagger UI leaves some of what it shows without a name, and puts a link into each button
// that opens an operation, which a screen reader cannot reach. The button does the same.
const mend = () => {
  document.querySelector(".dark-mode-toggle button")?.setAttribute("aria-label", "Dark or light");
  document.querySelector("select#servers")?.setAttribute("aria-label", "Server");
  for (const link of document.querySelectorAll(".opblock-summary-control a[href]")) {
    link.removeAttribute("href");
  }
};
new MutationObserver(mend).observe(document.querySelector("#ui"), { childList: true, subtree: true });
