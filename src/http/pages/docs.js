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
