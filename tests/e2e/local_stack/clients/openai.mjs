import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({
  baseURL: `${process.env.IMAGINEART_BASE_URL}/v1`,
  apiKey: process.env.IMAGINEART_TOKEN,
});
const write = (file, { data }) => writeFile(file, Buffer.from(data[0].b64_json, "base64"));
const prompt = "A lighthouse at dusk";
await write("generated.png", await client.images.generate({ prompt, size: "1024x1024", n: 1 }));

const image = await toFile(createReadStream("portrait.jpg"), "portrait.jpg", { type: "image/jpeg" });
await write("edited.png", await client.images.edit({ image, prompt, size: "1024x1536" }));
