import { writeFile } from "node:fs/promises";
import { createRunware } from "@runware/ai-sdk-provider";
import { generateImage } from "ai";

const baseURL = `${process.env.IMAGINEART_BASE_URL}/runware/v1`;
const prompt = "A lighthouse at dusk";
const generate = (apiKey, options) =>
  generateImage({ model: createRunware({ apiKey, baseURL }).image("imagineart:2.0@0"), prompt, ...options });

const token = process.env.IMAGINEART_TOKEN;
for (const [name, n] of [["one", 1], ["four", 4]]) {
  const { images } = await generate(token, { size: "1024x1024", n });
  for (const [number, image] of images.entries()) {
    await writeFile(`${name}-${number}.png`, image.uint8Array);
  }
}
const notes = {};
for (const [name, key, size] of [["refused", token, "512x512"], ["bad key", "wrong", "1024x1024"]]) {
  await generate(key, { size }).catch(({ message }) => {
    notes[name] = JSON.parse(message.slice(message.indexOf("{"))).code;
  });
}
await writeFile("notes.txt", JSON.stringify(notes));
