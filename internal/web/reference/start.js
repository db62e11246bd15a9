// The directory above this script. The contract names no server: that would mean the root of the host, where a reverse proxy may not
// have the API.
const service = new URL("..", document.currentScript.src).href;
const servers = [{ url: service.replace(/\/$/, "") }];
const withServers = () => ({
  statePlugins: { spec: { wrapActions: { updateJsonSpec: (update) => (contract) => update({ ...contract, servers }) } } },
});

SwaggerUIBundle({
  url: `${service}openapi.json`,
  dom_id: "#contract",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [withServers],
});
