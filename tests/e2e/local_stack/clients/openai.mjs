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

const size = "1024x1024";
for await (const event of await client.images.generate({ prompt, size, stream: true, partial_images: 1 })) {
  if (event.type === "image_generation.completed") await writeFile("streamed.png", Buffer.from(event.b64_json, "base64"));
}
const varied = await toFile(createReadStream("portrait.jpg"), "portrait.jpg", { type: "image/jpeg" });
await write("varied.png", await client.images.createVariation({ image: varied, size }));

const { data: [{ url }] } = await client.images.generate({ prompt, size, response_format: "url" });
await writeFile("at-a-url.png", Buffer.from(await (await fetch(url)).arrayBuffer()));
