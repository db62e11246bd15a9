// The URL of the service, one level above this script. The contract names no server, which would mean the root of the
// host: a reverse proxy may serve the API elsewhere.
const service = new URL("..", document.currentScript.src).href;
const servers = [{ url: service.replace(/\/$/, "") }];
const updateJsonSpec = (update) => (contract) => update({ ...contract, servers });
const withServers = () => ({ statePlugins: { spec: { wrapActions: { updateJsonSpec } } } });

SwaggerUIBundle({
  url: `${service}openapi.json`,
  dom_id: "#contract",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  plugins: [withServers],
});
