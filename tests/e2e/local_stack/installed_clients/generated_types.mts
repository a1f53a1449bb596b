import { readFile, writeFile } from "node:fs/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./generated.js";

const options = {
  baseUrl: process.env.IMAGINEART_BASE_URL,
  headers: { Authorization: `Bearer ${process.env.IMAGINEART_TOKEN}` },
};
const client = createClient<paths, "application/json">(options);
const prompt = "A lighthouse at dusk";

function bodySerializer(fields: object): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    for (const each of [value].flat()) form.append(name, each);
  }
  return form;
}

type Images = components["schemas"]["ImagesResponse"];

// Without the header Prefer: respond-async, the response is never a job.
async function write(file: string, { data }: { data?: Images | object }) {
  await writeFile(file, Buffer.from((data as Images).data[0].b64_json!, "base64"));
}

const form = await createClient<paths, "image/png">(options).POST("/v1/images/generations", {
  body: { prompt, aspect_ratio: "1:1", resolution: "1K" }, bodySerializer, parseAs: "arrayBuffer",
});
await writeFile("form.png", Buffer.from(form.data as unknown as ArrayBuffer));

await write("json.png", await client.POST("/v1/images/generations", { body: { prompt, size: "1024x1024" } }));

// In the generated types a file is a string, as the generator's documentation says.
const images = [new Blob([await readFile("portrait.jpg")])] as unknown[] as string[];
await write("edited.png", await client.POST("/v1/images/edits", {
  body: { prompt, images, size: "1024x1536" }, bodySerializer,
}));
