// Shows openapi.json and the guide with Scalar. Every option that would call another host is off.
const [openapi, guide] = await Promise.all(
  ["openapi.json", "guide.md"].map(async (name) => (await fetch(name)).text()),
);
const content = JSON.parse(openapi);
const download = "For tools: [openapi.json](openapi.json).";
content.info.description = [content.info.description, download, guide.replace(/^# .*/, "")].join("\n\n");

// The API sends no CORS headers, so the console works only where page and API share an origin.
const api = new URL(content.servers[0].url, location);

Scalar.createApiReference("#reference", {
  content,
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  hideTestRequestButton: api.origin !== location.origin,
  persistAuth: false,
  documentDownloadType: "none",
  modelsSectionLabel: "Schemas",
  // Scalar's own colours are too pale to read, and its code blocks scroll where no key reaches them.
  customCss: `
    .light-mode { --scalar-color-3: #666; --scalar-color-green: #00734a; --scalar-color-orange: #b03c00; }
    .dark-mode { --scalar-color-3: #999; }
    .markdown code.hljs, .markdown code.hljs * { white-space: pre-wrap !important; overflow-wrap: anywhere; }
    .section-columns:has(.introduction-description) { flex-direction: column; }
  `,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
});
